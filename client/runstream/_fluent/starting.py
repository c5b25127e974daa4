"""From the arguments of `start_run` to a run that can be logged to."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from runstream._fluent import operations
from runstream._fluent.delivery import Beginning, Delivery
from runstream._fluent.launch import find_rank, is_restart, job_key
from runstream._fluent.names import checked_experiment, checked_run_name
from runstream._fluent.params import in_batches, tag_texts
from runstream._fluent.run import ActiveRun
from runstream._fluent.session import Session
from runstream._fluent.source import NOTE, RUN_NAME, source_tags
from runstream._run_ids import checked_run_id, job_run_id, new_run_id
from runstream._spool import SpoolWriter, default_spool_dir
from runstream.errors import InvalidValue, RunStateError, SpoolError

__all__ = ["AUTO_RANK", "AutoRank", "RunRequest", "start"]

MAX_RANK: Final = 2**31 - 1


class AutoRank:
    """Is the type of AUTO_RANK."""

    def __repr__(self) -> str:
        return "AUTO_RANK"


AUTO_RANK: Final = AutoRank()
"""Stands for the rank that the launcher gave this process, if it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The arguments of `runstream.start_run`, checked."""

    given_id: str | None
    name: str
    experiment: str
    labels: dict[str, str]
    parent_run_id: str
    rank: int | None
    may_be_elsewhere: bool
    """Whether a run of the given id may be in another experiment than the one named here."""

    @classmethod
    def check(
        cls,
        session: Session,
        *,
        run_id: str | None,
        run_name: str | None,
        experiment: str | None,
        tags: Mapping[str, object] | None,
        description: str | None,
        nested: bool,
        parent_run_id: str | None,
        rank: int | AutoRank | None,
    ) -> "RunRequest":
        """Checks the arguments.

        Raises:
            RunStateError: if a run is active in this thread and this one is not to be nested.
            InvalidValue: if an argument cannot be used.
        """
        outer = session.own_run()
        if outer is not None and not nested:
            raise RunStateError(
                f"run {outer.run_id} is active: end it first with end_run(), or start this one "
                "inside of it with nested=True"
            )
        labels = tag_texts({**(tags or {}), **({NOTE: description} if description else {})})
        name = checked_run_name(run_name or labels.get(RUN_NAME, ""))
        if name:
            labels[RUN_NAME] = name
        where = checked_experiment(experiment or session.experiment)
        own_rank = _rank_of(rank)
        parent = checked_run_id(parent_run_id) if parent_run_id else outer.run_id if outer else ""
        given = run_id or (None if nested else session.take_configured_run_id())
        return cls(
            given_id=checked_run_id(given) if given else None,
            name=name,
            experiment=where,
            labels=labels,
            parent_run_id=parent,
            rank=own_rank,
            may_be_elsewhere=given is not None and experiment is None,
        )


def start(session: Session, request: RunRequest) -> ActiveRun:
    """Starts a run.

    Raises:
        InvalidValue: if the job's processes cannot agree on a run, or an environment variable
            cannot be used.
        SpoolError: if the spool cannot be written.
    """
    run_id = request.given_id or _new_id(session, request)
    delivery = Delivery(session.tracking_uri, default_spool_dir())
    create = operations.create_run(
        name=request.name,
        start_time_us=time.time_ns() // 1_000,
        parent_run_id=request.parent_run_id,
        existing=request.may_be_elsewhere,
    )
    beginning = Beginning(create, delivery, session)
    writer = _open_writer(delivery, beginning, run_id, request)
    beginning(writer)
    is_first = not request.rank
    if is_first and (request.given_id or (request.rank == 0 and is_restart(os.environ))):
        writer.operation(operations.resume_run())
    for batch in in_batches((source_tags() if is_first else {}) | request.labels):
        writer.operation(operations.set_tags(batch))
    run = ActiveRun(
        writer,
        delivery,
        beginning,
        session,
        experiment=request.experiment,
        name=request.name,
        rank=request.rank,
    )
    session.opened(run)
    if is_first:
        delivery.announce(run_id)
    return run


def _open_writer(
    delivery: Delivery, beginning: Beginning, run_id: str, request: RunRequest
) -> SpoolWriter:
    folder = delivery.spool_dir
    try:
        return SpoolWriter.create(
            folder,
            run_id=run_id,
            rank=request.rank,
            experiment=request.experiment,
            server_uri="" if delivery.uri.folder else delivery.uri.text,
            on_new_writer=beginning,
        )
    except OSError as error:
        raise SpoolError(
            f"the spool {folder} cannot be written ({error}): make room there, or set "
            "RUNSTREAM_SPOOL_DIR to another folder"
        ) from error


def _new_id(session: Session, request: RunRequest) -> str:
    if request.rank is None:
        return new_run_id()
    key = job_key(os.environ)
    count = session.count_start(key, request.experiment, request.name)
    return job_run_id(key, request.experiment, request.name, count)


def _rank_of(rank: int | AutoRank | None) -> int | None:
    if isinstance(rank, AutoRank):
        return find_rank(os.environ)
    if rank is not None and not 0 <= rank <= MAX_RANK:
        raise InvalidValue(f"the rank {rank!r} is not an integer from 0 to {MAX_RANK}")
    return rank
