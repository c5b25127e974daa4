"""Finds or makes the experiment of the server that takes the runs of one of the source's.

An experiment that the importer made is known again by its time of creation, whatever it is called
by now. Everything else on the server belongs to somebody else: an active experiment of the same
name takes the runs, a deleted one does not.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from runstream.client import Client
from runstream.entities import Experiment, LifecycleStage
from runstream.errors import InvalidValue, NotFound
from runstream.importing.batches import send_pairs
from runstream.importing.entities import SourceExperiment
from runstream.importing.report import Placed, Report

__all__ = ["Target", "place", "time_of"]

MAX_ID: Final = 10**18 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Target:
    """Where the runs of an experiment go.

    Attributes:
        own: Whether an importer made it.
        deleted: Whether it is deleted at present.
        delete: Whether it is to be deleted in the end.
    """

    experiment_id: str
    own: bool
    deleted: bool
    delete: bool
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, client: Client) -> None:
        """Makes it take runs."""
        with self._lock:
            if self.deleted:
                client.restore_experiment(self.experiment_id)
                self.deleted = False

    def close(self, client: Client) -> None:
        """Deletes it, if it is to be."""
        with self._lock:
            if self.delete and not self.deleted:
                client.delete_experiment(self.experiment_id)
                self.deleted = True


def time_of(time_ms: int | None) -> datetime | None:
    """Returns a time that MLflow counts in milliseconds.

    Raises:
        InvalidValue: it is not within the years 1 to 9999.
    """
    try:
        return None if time_ms is None else _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        raise InvalidValue(f"the time {time_ms} ms is out of range") from None


def place(
    client: Client, source: SourceExperiment, created_ms: int | None, report: Report
) -> Target:
    """Finds or makes the experiment, and gives it the tags that it lacks.

    Args:
        client: The server's.
        source: The experiment.
        created_ms: When it was created; or, where that is not known, what is always the same.
        report: Is told where it went.

    Raises:
        InvalidValue: if the server cannot have an experiment of that name or time.
    """
    found, how, own = _find_or_create(client, source, time_of(created_ms))
    report.placed.append(
        Placed(
            source_id=source.experiment_id,
            source_name=source.name,
            experiment_id=found.experiment_id,
            name=found.name,
            how=how,
        )
    )
    deleted = found.lifecycle_stage is LifecycleStage.DELETED
    missing = {key: value for key, value in source.tags.items() if key not in found.tags}
    if missing and not deleted:
        who = f"experiment {source.experiment_id} ({source.name!r})"
        send_pairs(
            missing,
            lambda tags: _set_tags(client, found.experiment_id, tags),
            lambda key, why: report.problem(f"{who}: tag {key!r}: {why}"),
        )
    return Target(found.experiment_id, own, deleted, deleted or (source.deleted and own))


def _find_or_create(
    client: Client, source: SourceExperiment, created: datetime | None
) -> tuple[Experiment, str, bool]:
    wished = _wished_id(source.experiment_id)
    holder = _by_id(client, wished) if wished else None
    if holder is not None and _is_own(holder, source, created):
        return holder, "there already", True
    renamed = f"{source.name} (MLflow {source.experiment_id})"
    for name, new_name in ((source.name, False), (renamed, True)):
        found = _by_name(client, name)
        if found is None:
            # Answers with the experiment also when a first answer was lost.
            made = client.create_experiment(
                name,
                get_if_exists=True,
                experiment_id="" if holder is not None else wished,
                create_time=created,
            )
            same = made.experiment_id == source.experiment_id
            return made, "renamed" if new_name else ("same id" if same else "new id"), True
        if _is_own(found, source, created):
            return found, "there already", True
        if found.lifecycle_stage is LifecycleStage.ACTIVE:
            return found, "merged", False
    raise InvalidValue(
        f"the names {source.name!r} and {renamed!r} belong to deleted experiments of the server: "
        "restore or rename one of them"
    )


def _is_own(found: Experiment, source: SourceExperiment, created: datetime | None) -> bool:
    if created is None:
        return (found.experiment_id, found.name) == (source.experiment_id, source.name)
    return found.create_time == created


def _wished_id(text: str) -> str:
    is_id = text.isascii() and text.isdecimal() and not text.startswith("0")
    return text if is_id and int(text) <= MAX_ID else ""


def _by_id(client: Client, experiment_id: str) -> Experiment | None:
    try:
        return client.get_experiment(experiment_id)
    except NotFound:
        return None


def _by_name(client: Client, name: str) -> Experiment | None:
    try:
        return client.get_experiment_by_name(name)
    except NotFound:
        return None


def _set_tags(client: Client, experiment_id: str, tags: dict[str, str]) -> None:
    client.set_experiment_tags(experiment_id, tags)
