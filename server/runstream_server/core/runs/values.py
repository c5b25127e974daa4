"""What runs and writers are to everyone above the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runstream_server.core import reserved_tags
from runstream_server.core.latest import LatestPoint
from runstream_server.core.runs.input_values import NO_INPUTS, RunInputs
from runstream_server.storage.run_status import RunStatus

__all__ = ["NewRun", "RecordId", "Run", "RunStatus", "SkippedRows", "Writer"]


@dataclass(frozen=True, slots=True)
class RecordId:
    """Names one change of a writer that is not a row of metrics."""

    writer_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be created in the experiment with an id, or else with a name.

    Name, user and parent may be given as fields or as reserved tags; empty fields are not given.

    Attributes:
        user_is_tag: Whether the user must be what the tag `mlflow.user` says, which is set when it
            is not; to MLflow the two are apart.
    """

    run_id: str
    experiment_id: int | None = None
    experiment_name: str = ""
    name: str = ""
    status: RunStatus = RunStatus.RUNNING
    start_time_us: int | None = None
    user: str = ""
    user_is_tag: bool = True
    parent_run_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as readers see it. `cursor` is the log position that the metrics are as of."""

    run_id: str
    experiment_id: int
    name: str
    status: RunStatus
    active: bool
    start_time_us: int
    end_time_us: int | None
    create_time_us: int
    update_time_us: int
    user: str
    artifact_uri: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[LatestPoint] = ()
    inputs: RunInputs = NO_INPUTS
    cursor: int = 0
    last_commit_time_us: int | None = None

    @property
    def parent_run_id(self) -> str:
        """The id of the run under which this one is nested, or empty."""
        return self.tags.get(reserved_tags.PARENT_RUN_ID, "")


@dataclass(frozen=True, slots=True)
class SkippedRows:
    """Rows that a writer gave up."""

    first_row: int
    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One logging process of a run, and how far the server has taken what it sent."""

    writer_id: str
    rank: int | None
    attempt: int
    next_row: int
    next_record: int
    status: RunStatus
    status_message: str
    create_time_us: int
    skipped: Sequence[SkippedRows]
