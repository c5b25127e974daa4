"""The runs, as doors see them: one method per request, each one transaction."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core import reserved_tags
from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiments import Experiments
from runstream_server.core.latest import LatestMetrics
from runstream_server.core.limits import MAX_STATUS_MESSAGE_LENGTH
from runstream_server.core.runs import creation, endings, inputs, labels
from runstream_server.core.runs.input_values import DatasetInput, ModelOutput, RunInputs
from runstream_server.core.runs.keys import KeyQuestion, list_keys
from runstream_server.core.runs.loading import as_read, load_run, load_runs, load_writers
from runstream_server.core.runs.locks import begin_change, check_record, run_not_found
from runstream_server.core.runs.searching import RunSearch, search_runs
from runstream_server.core.runs.values import NewRun, RecordId, Run, RunStatus, Writer
from runstream_server.core.search.page_tokens import open_page_token
from runstream_server.core.search.pages import FIRST_PAGE, Page, PageRequest, cut, page_limit
from runstream_server.core.signals import RunSignals
from runstream_server.core.validation import (
    check_count,
    check_text,
    check_time_us,
    invalid_value,
    missing_value,
)
from runstream_server.storage import experiment_rows, head_rows, label_rows, run_rows
from runstream_server.storage.database import Database
from runstream_server.storage.run_rows import RunRow

__all__ = ["Runs"]

MAX_WRITERS_PAGE_SIZE: Final = 1_000

Change = Callable[[AsyncConnection], Awaitable[RunStatus | None]]
"""A change of a locked run; returns the run's status if that is new."""


class Runs:
    """Creates, finds and changes runs.

    All methods raise Failure in the words of the contract, and change nothing then. What a method
    has changed is durable when it returns. A method that takes a `record` applies it once, see
    RecordId in the contract.

    Args:
        database: Where runs are stored.
        signals: Told of every change, after its commit.
        metrics: Knows the latest points.
        experiments: The experiments that hold the runs.
    """

    def __init__(
        self,
        database: Database,
        signals: RunSignals,
        metrics: LatestMetrics,
        experiments: Experiments,
    ) -> None:
        self._database = database
        self._signals = signals
        self._metrics = metrics
        self._experiments = experiments
        experiments.on_run_changed(signals.changed)

    async def create(self, new: NewRun, record: RecordId | None = None) -> tuple[Run, bool]:
        """Creates a run, or leaves the one that has the id as it is; says which beside the run."""
        new = creation.checked(new)
        check_record(record)

        async def work(connection: AsyncConnection) -> tuple[RunRow, bool]:
            default_root = self._experiments.roots.default_root
            return await creation.create(connection, new, record, default_root)

        row, created = await self._database.write(work)
        if created:
            return as_read(self._experiments, row, {}, new.tags), True
        return await self.get(new.run_id, with_metrics=False), False

    async def get(
        self, run_id: str, *, with_metrics: bool = True, with_inputs: bool = False
    ) -> Run:
        """Returns a run, deleted or not."""
        async with self._database.read() as connection:
            run = await load_run(connection, self._experiments, run_id)
            if with_inputs:
                found = await inputs.load_inputs(connection, [run_id])
                run = replace(run, inputs=found.get(run_id, RunInputs()))
        if not with_metrics:
            return run
        metrics = (await self._metrics.latest([run_id])).get(run_id)
        return (
            run if metrics is None else replace(run, metrics=metrics.points, cursor=metrics.cursor)
        )

    async def search(self, search: RunSearch, page: PageRequest = FIRST_PAGE) -> Page[Run]:
        """Returns a page of the runs that a search finds."""
        return await search_runs(self._database, self._experiments, self._metrics, search, page)

    async def get_some(self, run_ids: Sequence[str]) -> list[Run]:
        """Returns those of these runs that exist, deleted or not, without metrics."""
        async with self._database.read() as connection:
            return await load_runs(connection, self._experiments, run_ids)

    async def keys(self, question: KeyQuestion, page: PageRequest = FIRST_PAGE) -> Page[str]:
        """Returns a page of the keys that runs of experiments use."""
        return await list_keys(self._database, question, page)

    async def writers(self, run_id: str, page: PageRequest = FIRST_PAGE) -> Page[Writer]:
        """Returns a page of a run's writers, in the order in which the server heard of them."""
        limit = page_limit(page.size, MAX_WRITERS_PAGE_SIZE)
        question = ("writers", run_id)
        first = open_page_token(question, page.token)[0] if page.token else 0
        async with self._database.read() as connection:
            if await run_rows.find_run(connection, run_id) is None:
                raise run_not_found(run_id)
            found = await load_writers(connection, run_id, first, limit + 1)
        ends = [[number + 1] for number, _ in found]
        return cut(question, [writer for _, writer in found[:limit]], ends)

    async def log(
        self,
        run_id: str,
        *,
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        record: RecordId | None = None,
    ) -> None:
        """Writes params and sets tags, all of them or none."""
        labels.check_params(params or {})
        labels.check_tags(tags or {})

        async def change(connection: AsyncConnection) -> None:
            await labels.log_params(connection, run_id, params or {})
            await labels.set_tags(connection, run_id, tags or {})

        await self._apply(run_id, record, change)

    async def delete_tags(
        self, run_id: str, keys: Collection[str], record: RecordId | None = None
    ) -> None:
        """Deletes tags, all of them or, when one is missing, none."""
        if not keys:
            raise missing_value("keys", "name at least one tag to delete")
        check_count("keys", keys)

        async def change(connection: AsyncConnection) -> None:
            await labels.delete_tags(connection, run_id, keys)

        await self._apply(run_id, record, change)

    async def edit_tag(self, run_id: str, key: str, edit: Callable[[str | None], str]) -> None:
        """Sets a tag to what `edit` makes of its value, which is None when there is none.

        The tag may be longer than what clients set.
        """

        async def change(connection: AsyncConnection) -> None:
            stored = await label_rows.stored_tags(connection, run_id, [key])
            await labels.set_tags(connection, run_id, {key: edit(stored.get(key))})

        await self._apply(run_id, None, change)

    async def update(
        self,
        run_id: str,
        *,
        status: RunStatus | None = None,
        end_time_us: int | None = None,
        name: str | None = None,
    ) -> Run:
        """Changes what is given; any status may follow any other."""
        if end_time_us is not None:
            check_time_us("run.end_time", end_time_us)
        if name is not None:
            labels.check_run_name("run.name", name)

        async def change(connection: AsyncConnection) -> RunStatus | None:
            if name is not None:
                await labels.set_tags(connection, run_id, {reserved_tags.RUN_NAME: name})
            return await endings.update(connection, run_id, status, end_time_us)

        return await self._change(run_id, None, change)

    async def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput],
        model_ids: Sequence[str] = (),
        record: RecordId | None = None,
    ) -> None:
        """Logs what a run read; an input that it has stays as it is."""
        inputs.check_datasets(datasets)
        inputs.check_models(model_ids)

        async def change(connection: AsyncConnection) -> None:
            await inputs.log_inputs(connection, run_id, datasets, model_ids)

        await self._apply(run_id, record, change)

    async def log_outputs(
        self, run_id: str, outputs: Sequence[ModelOutput], record: RecordId | None = None
    ) -> None:
        """Logs the models that a run made."""
        inputs.check_outputs(outputs)

        async def change(connection: AsyncConnection) -> None:
            await inputs.log_outputs(connection, run_id, outputs)

        await self._apply(run_id, record, change)

    async def finish(
        self,
        run_id: str,
        status: RunStatus,
        end_time_us: int | None = None,
        record: RecordId | None = None,
    ) -> Run:
        """Ends a run, now unless said otherwise; core.runs.endings says what status it gets."""
        _check_end("status", status)
        if end_time_us is not None:
            check_time_us("end_time", end_time_us)

        async def change(connection: AsyncConnection) -> RunStatus | None:
            return await endings.finish(connection, run_id, status, end_time_us)

        return await self._change(run_id, record, change)

    async def finish_writer(
        self,
        run_id: str,
        writer_id: str,
        status: RunStatus,
        message: str = "",
        record: RecordId | None = None,
    ) -> Run:
        """Ends one writer of a run, and with it the run's good end if the writer failed."""
        _check_end("status", status)
        check_text("status_message", message, MAX_STATUS_MESSAGE_LENGTH)
        if record is not None and record.writer_id != writer_id:
            remedy = f"only the writer itself, {writer_id}, finishes with a record"
            raise invalid_value("record.writer_id", record.writer_id, remedy)

        async def change(connection: AsyncConnection) -> RunStatus | None:
            return await endings.finish_writer(connection, run_id, writer_id, status, message)

        return await self._change(run_id, record, change)

    async def resume(self, run_id: str, record: RecordId | None = None) -> Run:
        """Sets a run back to RUNNING."""

        async def change(connection: AsyncConnection) -> RunStatus | None:
            return await endings.resume(connection, run_id)

        return await self._change(run_id, record, change)

    async def delete(self, run_id: str) -> Run:
        """Deletes a run."""
        return await self._set_active(run_id, active=False)

    async def restore(self, run_id: str) -> Run:
        """Restores a deleted run, whose experiment must be active."""
        return await self._set_active(run_id, active=True)

    async def _set_active(self, run_id: str, *, active: bool) -> Run:
        async def work(connection: AsyncConnection) -> None:
            if active:
                await self._require_active_experiment(connection, run_id)
            stored = await head_rows.lock_head(connection, run_id)
            if stored is None:
                raise run_not_found(run_id)
            if stored != active:
                await head_rows.set_active(connection, run_id, now_us(), active=active)

        await self._database.write(work)
        self._signals.changed(run_id)
        return await self.get(run_id, with_metrics=False)

    async def _require_active_experiment(self, connection: AsyncConnection, run_id: str) -> None:
        row = await run_rows.find_run(connection, run_id)
        if row is None:
            raise run_not_found(run_id)
        experiment = await experiment_rows.find_by_id(connection, row.experiment_id, share=True)
        if experiment is not None and not experiment.active:
            raise Failure(
                Reason.EXPERIMENT_DELETED,
                f"run {run_id} cannot be restored alone: its experiment {row.experiment_id} is"
                " deleted; restore that",
                experiment_id=row.experiment_id,
            )

    async def _change(self, run_id: str, record: RecordId | None, change: Change) -> Run:
        """Applies a change, and returns the run as it is stored then."""
        await self._apply(run_id, record, change)
        # Read once the write is over: many processes of a job wait in line for that.
        return await self.get(run_id, with_metrics=False)

    async def _apply(self, run_id: str, record: RecordId | None, change: Change) -> None:
        check_record(record)

        async def work(connection: AsyncConnection) -> RunStatus | None:
            if await begin_change(connection, run_id, record):
                return await change(connection)
            return None

        new_status = await self._database.write(work)
        if new_status is not None and new_status.is_end:
            self._signals.ended(run_id)
        else:
            self._signals.changed(run_id)


def _check_end(field: str, status: RunStatus) -> None:
    if not status.is_end:
        raise invalid_value(field, status.name, "use FINISHED, FAILED or KILLED")
