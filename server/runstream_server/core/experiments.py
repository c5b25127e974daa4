"""Experiments: named groups of runs.

Whoever changes an experiment or puts a run into it locks its row first, then the heads of its runs
in the order of their ids; so an experiment is never deleted under a run that is being created.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifact_roots import ArtifactRoots, model_folder, run_folder
from runstream_server.core.clock import now_us
from runstream_server.core.dataset_search import DatasetSummary, search_datasets
from runstream_server.core.experiment_rules import (
    id_taken,
    lock_active,
    name_taken,
    require,
    require_name,
    require_tags,
)
from runstream_server.core.experiment_search import ExperimentSearch, search_experiments
from runstream_server.core.limits import (
    MAX_EXPERIMENT_TAG_VALUE_LENGTH,
    MAX_WISHED_EXPERIMENT_ID,
)
from runstream_server.core.search.pages import FIRST_PAGE, Page, PageRequest
from runstream_server.core.validation import (
    check_artifact_location,
    check_count,
    check_experiment_name,
    check_labels,
    check_number,
    check_storable,
    check_time_us,
    missing_value,
)
from runstream_server.storage import experiment_rows, head_rows
from runstream_server.storage.database import Database
from runstream_server.storage.experiment_rows import ExperimentRow

__all__ = ["Experiment", "ExperimentSearch", "Experiments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An experiment as readers see it."""

    experiment_id: int
    name: str
    artifact_location: str
    active: bool
    create_time_us: int
    update_time_us: int
    tags: Mapping[str, str]


class Experiments:
    """Creates, finds and changes experiments.

    All methods raise Failure in the words of the contract, and change nothing then. What a method
    has changed is durable when it returns.

    Args:
        database: Where experiments are stored.
        roots: Where artifacts lie.
    """

    def __init__(self, database: Database, roots: ArtifactRoots) -> None:
        self._database = database
        self.roots = roots
        self._run_listeners: list[Callable[[str], None]] = []

    @property
    def artifact_root_uri(self) -> str:
        """The default place for artifacts as a URI, without a trailing slash."""
        return self.roots.store_uri

    def on_run_changed(self, listener: Callable[[str], None]) -> None:
        """Adds a listener of the ids of runs that are deleted or restored with their experiment."""
        self._run_listeners.append(listener)

    async def create(
        self,
        name: str,
        tags: Mapping[str, str],
        artifact_location: str = "",
        *,
        get_if_exists: bool = False,
        experiment_id: int | None = None,
        create_time_us: int | None = None,
    ) -> tuple[Experiment, bool]:
        """Creates an experiment; returns it and whether this call created it.

        Args:
            name: Its name.
            tags: Its first tags.
            artifact_location: Where its runs keep their artifacts; empty for the server's default.
            get_if_exists: Whether to return the active experiment of that name, if there is one,
                instead of failing.
            experiment_id: The id that it is to have; None for the next one.
            create_time_us: When it was created; None for now.
        """
        check_experiment_name("name", name)
        check_labels("tags", tags, MAX_EXPERIMENT_TAG_VALUE_LENGTH)
        check_artifact_location("artifact_location", artifact_location)

        if experiment_id is not None:
            check_number("experiment_id", experiment_id, 1, MAX_WISHED_EXPERIMENT_ID)
        if create_time_us is not None:
            check_time_us("create_time", create_time_us)

        root = self.roots.default_root

        async def work(connection: AsyncConnection) -> tuple[Experiment, bool]:
            created = now_us() if create_time_us is None else create_time_us
            row = await experiment_rows.insert(
                connection, name, artifact_location, created, root, experiment_id
            )
            if row is not None:
                await experiment_rows.set_tags(connection, row.experiment_id, tags)
                return await self._load(connection, row), True
            found = await experiment_rows.find_by_name(connection, name)
            if found is None and experiment_id is not None:
                raise id_taken(await require(connection, experiment_id))
            row = found or await require_name(connection, name)
            if not (get_if_exists and row.active):
                raise name_taken(row)
            return await self._load(connection, row), False

        return await self._database.write(work)

    async def get(self, experiment_id: int) -> Experiment:
        """Returns an experiment, deleted or not."""
        async with self._database.read() as connection:
            return await self._load(connection, await require(connection, experiment_id))

    async def get_by_name(self, name: str) -> Experiment:
        """Returns the experiment with a name, deleted or not."""
        check_storable("name", name)
        async with self._database.read() as connection:
            return await self._load(connection, await require_name(connection, name))

    async def search(
        self, search: ExperimentSearch, page: PageRequest = FIRST_PAGE
    ) -> Page[Experiment]:
        """Returns a page of the experiments that a search finds."""
        found = await search_experiments(self._database, search, page)
        return Page([self.loaded(*each) for each in found.items], found.next_page_token)

    async def datasets(
        self, experiment_ids: Sequence[int], page: PageRequest = FIRST_PAGE
    ) -> Page[DatasetSummary]:
        """Returns a page of the datasets that runs of experiments read."""
        return await search_datasets(self._database, experiment_ids, page)

    async def rename(self, experiment_id: int, name: str) -> Experiment:
        """Changes an experiment's name."""
        check_experiment_name("experiment.name", name)

        async def work(connection: AsyncConnection) -> Experiment:
            row = await lock_active(connection, experiment_id)
            if row.name != name and not await experiment_rows.rename(
                connection, experiment_id, name, now_us()
            ):
                raise name_taken(await require_name(connection, name))
            return await self._reload(connection, experiment_id)

        return await self._database.write(work)

    async def set_tags(self, experiment_id: int, tags: Mapping[str, str]) -> Experiment:
        """Sets tags over those of the same key, all of them or none."""
        if not tags:
            raise missing_value("tags", "name at least one tag to set")
        check_labels("tags", tags, MAX_EXPERIMENT_TAG_VALUE_LENGTH)

        async def work(connection: AsyncConnection) -> Experiment:
            await lock_active(connection, experiment_id)
            await experiment_rows.set_tags(connection, experiment_id, tags)
            await experiment_rows.touch(connection, experiment_id, now_us())
            return await self._reload(connection, experiment_id)

        return await self._database.write(work)

    async def delete_tags(self, experiment_id: int, keys: Collection[str]) -> Experiment:
        """Deletes tags, all of them or, when one is missing, none."""
        if not keys:
            raise missing_value("keys", "name at least one tag to delete")
        check_count("keys", keys)

        async def work(connection: AsyncConnection) -> Experiment:
            await lock_active(connection, experiment_id)
            stored = await experiment_rows.tags_of(connection, [experiment_id])
            require_tags(f"experiment {experiment_id}", keys, stored.get(experiment_id, {}))
            await experiment_rows.delete_tags(connection, experiment_id, keys)
            await experiment_rows.touch(connection, experiment_id, now_us())
            return await self._reload(connection, experiment_id)

        return await self._database.write(work)

    async def delete(self, experiment_id: int) -> Experiment:
        """Deletes an experiment and its active runs."""
        return await self._set_active(experiment_id, active=False)

    async def restore(self, experiment_id: int) -> Experiment:
        """Restores an experiment and all of its deleted runs, also those deleted on their own."""
        return await self._set_active(experiment_id, active=True)

    async def _set_active(self, experiment_id: int, *, active: bool) -> Experiment:
        async def work(connection: AsyncConnection) -> tuple[Experiment, list[str]]:
            row = await require(connection, experiment_id, lock=True)
            changed: list[str] = []
            if row.active != active:
                now = now_us()
                changed = await head_rows.set_active_of_experiment(
                    connection, experiment_id, now, active=active
                )
                await experiment_rows.touch(connection, experiment_id, now, active=active)
            return await self._reload(connection, experiment_id), changed

        experiment, changed = await self._database.write(work)
        for run_id in changed:
            for listener in self._run_listeners:
                listener(run_id)
        return experiment

    def location_of(self, row: ExperimentRow) -> str:
        """Returns where an experiment's runs keep their artifacts, as a URI."""
        return row.artifact_location or f"{self.roots.store_uri}/{row.experiment_id}"

    def artifact_uri_of_run(self, experiment_id: int, run_id: str, stored_uri: str) -> str:
        """Returns where a run's artifacts lie; its stored URI is empty below the default place."""
        return stored_uri or run_folder(f"{self.roots.store_uri}/{experiment_id}", run_id)

    def artifact_uri_of_model(self, experiment_id: int, model_id: str, stored_uri: str) -> str:
        """Returns where a logged model's artifacts lie, as `artifact_uri_of_run` does."""
        return stored_uri or model_folder(f"{self.roots.store_uri}/{experiment_id}", model_id)

    async def _reload(self, connection: AsyncConnection, experiment_id: int) -> Experiment:
        return await self._load(connection, await require(connection, experiment_id))

    async def _load(self, connection: AsyncConnection, row: ExperimentRow) -> Experiment:
        tags = await experiment_rows.tags_of(connection, [row.experiment_id])
        return self.loaded(row, tags.get(row.experiment_id, {}))

    def loaded(self, row: ExperimentRow, tags: Mapping[str, str]) -> Experiment:
        """Returns a stored experiment as readers see it."""
        return Experiment(
            experiment_id=row.experiment_id,
            name=row.name,
            artifact_location=self.location_of(row),
            active=row.active,
            create_time_us=row.create_time_us,
            update_time_us=row.update_time_us,
            tags=tags,
        )
