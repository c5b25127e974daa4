"""The logged models, as doors see them: one method per request, each one transaction."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import astuple

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifact_roots import model_folder
from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiment_rules import experiment_for_new_run, require_tags
from runstream_server.core.experiments import Experiments
from runstream_server.core.limits import MAX_MODEL_STATUS_MESSAGE_LENGTH
from runstream_server.core.logged_models.labels import log_params, set_tags
from runstream_server.core.logged_models.loading import as_read, load_model
from runstream_server.core.logged_models.rules import (
    check_model_labels,
    check_new_model,
    require_model,
)
from runstream_server.core.logged_models.searching import ModelSearch, search_models
from runstream_server.core.logged_models.values import (
    LoggedModel,
    ModelPoint,
    ModelStatus,
    NewModel,
)
from runstream_server.core.model_points import model_not_found
from runstream_server.core.run_ids import new_run_id
from runstream_server.core.run_names import new_run_name
from runstream_server.core.search.page_tokens import open_page_token
from runstream_server.core.search.pages import FIRST_PAGE, Page, PageRequest, cut
from runstream_server.core.validation import check_count, check_text, missing_value
from runstream_server.storage import model_rows
from runstream_server.storage.database import Database
from runstream_server.storage.model_rows import ModelRow

__all__ = ["LoggedModels"]

Change = Callable[[AsyncConnection, ModelRow], Awaitable[None]]
"""A change of a locked model."""


class LoggedModels:
    """Creates, finds and changes logged models.

    All methods raise Failure in the words of the contract, and change nothing then. What a method
    has changed is durable when it returns.

    Args:
        database: Where models are stored.
        experiments: The experiments that hold them.
    """

    def __init__(self, database: Database, experiments: Experiments) -> None:
        self._database = database
        self._experiments = experiments

    async def create(self, new: NewModel) -> tuple[LoggedModel, bool]:
        """Creates a model, or leaves the one that has the id as it is; says which beside it."""
        check_new_model(new)
        model_id = new.model_id or f"m-{new_run_id()}"

        async def work(connection: AsyncConnection) -> ModelRow | None:
            return await self._insert(connection, new, model_id)

        row = await self._database.write(work)
        # What is there already is read once the write is over: others wait in line for that.
        if row is None:
            return await self.get(model_id, allow_deleted=True), False
        return as_read(self._experiments, row, new.params, new.tags), True

    async def _insert(
        self, connection: AsyncConnection, new: NewModel, model_id: str
    ) -> ModelRow | None:
        if new.model_id and await self._exists(connection, new, model_id):
            return None
        experiment = await experiment_for_new_run(connection, experiment_id=new.experiment_id)
        location = experiment.artifact_location
        created = now_us() if new.create_time_us is None else new.create_time_us
        row = ModelRow(
            model_id=model_id,
            experiment_id=experiment.experiment_id,
            name=new.name or new_run_name(),
            artifact_uri=model_folder(location, model_id) if location else "",
            model_type=new.model_type,
            source_run_id=new.source_run_id,
            status=ModelStatus.PENDING,
            status_message="",
            active=True,
            create_time_us=created,
            update_time_us=created,
        )
        if not await model_rows.insert_model(connection, row):
            await self._exists(connection, new, model_id)
            return None
        await model_rows.insert_params(connection, model_id, new.params)
        await model_rows.set_tags(connection, model_id, new.tags)
        return row

    async def _exists(self, connection: AsyncConnection, new: NewModel, model_id: str) -> bool:
        row = await model_rows.find_model(connection, model_id)
        if row is not None and row.experiment_id != new.experiment_id:
            raise Failure(
                Reason.MODEL_EXISTS,
                f"the logged model {model_id} exists in experiment {row.experiment_id}; use that"
                " experiment, or another model id",
                model_id=model_id,
                experiment_id=row.experiment_id,
            )
        return row is not None

    async def get(
        self, model_id: str, *, allow_deleted: bool = False, max_metrics: int | None = 0
    ) -> LoggedModel:
        """Returns a model with up to `max_metrics` points about it; None means all of them."""
        async with self._database.read() as connection:
            model = await load_model(connection, self._experiments, model_id, max_metrics)
        if not model.active and not allow_deleted:
            raise model_not_found(model_id)
        return model

    async def search(
        self, search: ModelSearch, page: PageRequest = FIRST_PAGE
    ) -> Page[LoggedModel]:
        """Returns a page of the models that a search finds."""
        return await search_models(self._database, self._experiments, search, page)

    async def points(self, model_id: str, limit: int, page_token: str = "") -> Page[ModelPoint]:
        """Returns a page of up to `limit` points about a model, deleted or not."""
        question = ("model points", model_id)
        after = None
        if page_token:
            after = ModelPoint(**open_page_token(question, page_token)[0])
        async with self._database.read() as connection:
            await require_model(connection, model_id)
            found = await model_rows.points_of_model(connection, model_id, after, limit + 1)
        names = ModelPoint.__slots__
        ends = [[dict(zip(names, astuple(point), strict=True))] for point in found]
        return cut(question, found[:limit], ends)

    async def set_status(
        self, model_id: str, status: ModelStatus, message: str = ""
    ) -> LoggedModel:
        """Says whether a model is ready."""
        check_text("status_message", message, MAX_MODEL_STATUS_MESSAGE_LENGTH)

        async def change(connection: AsyncConnection, row: ModelRow) -> None:
            if (row.status, row.status_message) != (status, message):
                await model_rows.update_model(
                    connection,
                    model_id,
                    status=status,
                    status_message=message,
                    update_time_us=now_us(),
                )

        return await self._change(model_id, change)

    async def delete(self, model_id: str) -> LoggedModel:
        """Deletes a model; its files stay."""

        async def change(connection: AsyncConnection, row: ModelRow) -> None:
            if row.active:
                await model_rows.update_model(
                    connection, model_id, active=False, update_time_us=now_us()
                )

        return await self._change(model_id, change)

    async def log_params(self, model_id: str, params: Mapping[str, str]) -> LoggedModel:
        """Writes params, all of them or none."""
        check_model_labels("params", params)

        async def change(connection: AsyncConnection, row: ModelRow) -> None:
            await log_params(connection, row.model_id, params)

        return await self._change(model_id, change)

    async def set_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        """Sets tags over those of the same key, all of them or none."""
        check_model_labels("tags", tags)

        async def change(connection: AsyncConnection, row: ModelRow) -> None:
            await set_tags(connection, row.model_id, tags)

        return await self._change(model_id, change)

    async def delete_tags(self, model_id: str, keys: Collection[str]) -> LoggedModel:
        """Deletes tags, all of them or, when one is missing, none."""
        if not keys:
            raise missing_value("keys", "name at least one tag to delete")
        check_count("keys", keys)

        async def change(connection: AsyncConnection, row: ModelRow) -> None:
            stored = await model_rows.tags_of_models(connection, [row.model_id])
            require_tags(f"logged model {model_id}", keys, stored.get(model_id, {}))
            await model_rows.delete_tags(connection, model_id, keys)

        return await self._change(model_id, change)

    async def _change(self, model_id: str, change: Change) -> LoggedModel:
        """Applies a change to a model, deleted or not, and returns it as it is stored then."""

        async def work(connection: AsyncConnection) -> None:
            await change(connection, await require_model(connection, model_id, lock=True))

        await self._database.write(work)
        return await self.get(model_id, allow_deleted=True)
