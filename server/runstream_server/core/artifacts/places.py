"""Where runs keep their artifacts."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.artifacts.failures import contract_terms
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiments import Experiments
from runstream_server.core.runs.locks import run_deleted, run_not_found
from runstream_server.core.validation import missing_value
from runstream_server.objects.paths import Location
from runstream_server.storage import run_rows

__all__ = ["Place", "find_place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A run's place in the object store."""

    run_id: str
    experiment_id: int
    artifact_uri: str
    active: bool

    def at(self, path: str, field: str = "path") -> Location:
        """Returns where the file or folder with a path is; an empty path is the top folder.

        Raises:
            Failure: INVALID_PATH, about this field.
        """
        with contract_terms(path_field=field):
            return Location(experiment_id=str(self.experiment_id), run_id=self.run_id, path=path)

    def at_given(self, path: str, field: str = "path") -> Location:
        """Returns where the file or folder with a path is, which must not be empty.

        Raises:
            Failure: INVALID_PATH or MISSING_VALUE, about this field.
        """
        if not path:
            raise missing_value(field, "name an artifact, relative to the run's artifacts")
        return self.at(path, field)

    def require_active(self) -> None:
        """Raises RUN_DELETED unless the run takes new artifacts."""
        if not self.active:
            raise run_deleted(self.run_id)


async def find_place(connection: AsyncConnection, experiments: Experiments, run_id: str) -> Place:
    """Returns a run's place.

    Raises:
        Failure: RUN_NOT_FOUND, or ARTIFACTS_ELSEWHERE when it is not in this server's store.
    """
    row = await run_rows.find_run(connection, run_id)
    if row is None:
        raise run_not_found(run_id)
    uri = experiments.artifact_uri_of_run(row.experiment_id, run_id, row.artifact_uri)
    if uri != experiments.artifact_uri_of_run(row.experiment_id, run_id, ""):
        raise Failure(
            Reason.ARTIFACTS_ELSEWHERE,
            f"run {run_id} keeps its artifacts at {uri}, which this server does not serve; go"
            " there for them, or use an experiment that was created without an artifact location",
            run_id=run_id,
            artifact_uri=uri,
        )
    return Place(
        run_id=run_id, experiment_id=row.experiment_id, artifact_uri=uri, active=row.active
    )
