"""Where runs and logged models keep their artifacts."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.failures import contract_terms
from runstream_server.core.artifacts.owners import (
    is_model_id,
    owner_metadata,
    owners_of,
)
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiments import Experiments
from runstream_server.core.model_points import model_not_found
from runstream_server.core.runs.locks import run_deleted, run_not_found
from runstream_server.core.validation import missing_value
from runstream_server.objects.paths import Location
from runstream_server.storage import model_rows, run_rows

__all__ = ["Place", "find_owned", "find_place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An owner's place in the object store.

    Attributes:
        owner_id: The id of a run or a logged model.
        folder: Its folder below the store's root.
        artifact_uri: The same as a URI.
        active: Whether it takes new artifacts.
    """

    owner_id: str
    folder: str
    artifact_uri: str
    active: bool

    def at(self, path: str, field: str = "path") -> Location:
        """Returns where the file or folder with a path is; an empty path is the top folder.

        Raises:
            Failure: INVALID_PATH, about this field.
        """
        with contract_terms(path_field=field):
            return Location(base=self.folder, path=path)

    def at_given(self, path: str, field: str = "path") -> Location:
        """Returns where the file or folder with a path is, which must not be empty.

        Raises:
            Failure: INVALID_PATH or MISSING_VALUE, about this field.
        """
        if not path:
            raise missing_value(field, "name an artifact, relative to the top folder")
        return self.at(path, field)

    def require_active(self) -> None:
        """Raises RUN_DELETED unless the owner takes new artifacts."""
        if not self.active:
            raise run_deleted(self.owner_id)


async def find_place(connection: AsyncConnection, experiments: Experiments, owner_id: str) -> Place:
    """Returns the place of a run or a logged model.

    Raises:
        Failure: RUN_NOT_FOUND or MODEL_NOT_FOUND, or ARTIFACTS_ELSEWHERE when it is not in this
            server's store.
    """
    uri, active = await _find_uri(connection, experiments, owner_id)
    folder = experiments.roots.folder_of(uri)
    if not folder:
        what = "logged model" if is_model_id(owner_id) else "run"
        raise Failure(
            Reason.ARTIFACTS_ELSEWHERE,
            f"{what} {owner_id} keeps its artifacts at {uri}, which this server does not serve; go"
            " there for them, or use an experiment that was created without an artifact location",
            **owner_metadata(owner_id),
            artifact_uri=uri,
        )
    return Place(owner_id=owner_id, folder=folder, artifact_uri=uri, active=active)


async def _find_uri(
    connection: AsyncConnection, experiments: Experiments, owner_id: str
) -> tuple[str, bool]:
    if is_model_id(owner_id):
        model = await model_rows.find_model(connection, owner_id)
        if model is None:
            raise model_not_found(owner_id)
        uri = experiments.artifact_uri_of_model(model.experiment_id, owner_id, model.artifact_uri)
        return uri, True  # a deleted model stays changeable
    run = await run_rows.find_run(connection, owner_id)
    if run is None:
        raise run_not_found(owner_id)
    uri = experiments.artifact_uri_of_run(run.experiment_id, owner_id, run.artifact_uri)
    return uri, run.active


async def find_owned(
    connection: AsyncConnection, experiments: Experiments, location: Location
) -> tuple[str, Location] | None:
    """Finds whose artifact a location is; returns the owner's id and the location in its place.

    None when it is nobody's, as far as runs and models know that are served from here.
    """
    for owner_id, inside in owners_of(location):
        try:
            place = await find_place(connection, experiments, owner_id)
        except Failure:
            continue
        if place.folder == inside.base:
            return owner_id, inside
    return None
