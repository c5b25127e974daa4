"""What the clients return and take, as plain values.

Times are aware datetimes in UTC, except where a name ends in `_us`: those are microseconds since
the epoch. Columns are numpy arrays where numpy is installed, else memoryviews; both are read by
index, slice, `len()` and `list()`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeAlias

from runstream._enums import (
    ChartAxis,
    DigestState,
    LifecycleStage,
    LoggedModelStatus,
    RunStatus,
    ViewType,
)
from runstream._model_entities import (
    Dataset,
    DatasetInput,
    DatasetSummary,
    LoggedModel,
    LoggedModelMetric,
    LoggedModelOrder,
    ModelOutput,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatColumn: TypeAlias = npt.NDArray[np.float64]
    IntColumn: TypeAlias = npt.NDArray[np.int64]
else:
    FloatColumn = IntColumn = Sequence

__all__ = [
    "Artifact",
    "Chart",
    "ChartAxis",
    "ChartSeries",
    "Dataset",
    "DatasetInput",
    "DatasetSummary",
    "DigestState",
    "Experiment",
    "FloatColumn",
    "History",
    "IntColumn",
    "LatestMetric",
    "LifecycleStage",
    "Limits",
    "LoggedModel",
    "LoggedModelMetric",
    "LoggedModelOrder",
    "LoggedModelStatus",
    "MetricPoint",
    "ModelOutput",
    "Point",
    "Run",
    "RunStatus",
    "RunUpdate",
    "Series",
    "SeriesPoints",
    "SeriesSummary",
    "ServerInfo",
    "SkippedRows",
    "Source",
    "Upload",
    "ViewType",
    "Writer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A named group of runs."""

    experiment_id: str
    name: str
    artifact_location: str
    lifecycle_stage: LifecycleStage
    create_time: datetime | None
    update_time: datetime | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a run's code came from: a view of the run's tags."""

    name: str = ""
    type: str = ""
    git_commit: str = ""
    git_branch: str = ""
    git_repo_url: str = ""
    git_dirty: bool | None = None
    """Whether the work tree held changes that are in no commit. None when unknown."""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestMetric:
    """The latest point of a metric: the one with the greatest (step, time, value)."""

    key: str
    value: float
    step: int
    time_us: int
    rank: int | None
    """The rank of the series that the point is from, None for the rank-less one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as the server has it.

    Attributes:
        run_id: 32 lower-case hexadecimal digits.
        start_time: When the work began, as its maker says.
        end_time: When it ended. None while it has not.
        create_time: When the server first heard of it.
        update_time: When its name, status, params, tags or lifecycle stage changed last.
        user: Who started it.
        artifact_uri: Where its artifacts lie.
        latest_metrics: The latest point of each metric, by key. Empty if they were left out.
        dataset_inputs: The datasets that it read. Empty if inputs and outputs were left out.
        model_inputs: The ids of the logged models that it read.
        model_outputs: The logged models that it made.
    """

    run_id: str
    experiment_id: str
    name: str
    status: RunStatus
    lifecycle_stage: LifecycleStage
    start_time: datetime | None
    end_time: datetime | None
    create_time: datetime | None
    update_time: datetime | None
    parent_run_id: str
    user: str
    artifact_uri: str
    source: Source
    params: Mapping[str, str]
    tags: Mapping[str, str]
    latest_metrics: Mapping[str, LatestMetric]
    dataset_inputs: Sequence[DatasetInput] = ()
    model_inputs: Sequence[str] = ()
    model_outputs: Sequence[ModelOutput] = ()

    @property
    def metrics(self) -> dict[str, float]:
        """The latest value of each metric, by key."""
        return {key: latest.value for key, latest in self.latest_metrics.items()}

    @property
    def info(self) -> Self:
        """The run itself: MLflow's `run.info.run_id` works here too."""
        return self

    @property
    def data(self) -> Self:
        """The run itself: MLflow's `run.data.metrics["loss"]` works here too."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRows:
    """Rows that a writer gave up, because they could never be accepted or no longer exist."""

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
    """The number of rows that are committed or skipped."""
    next_record: int
    status: RunStatus
    status_message: str
    """What the process said about its failure."""
    create_time: datetime | None
    skipped: Sequence[SkippedRows]


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """Names one metric's history from one process."""

    key: str
    rank: int | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a series."""

    step: int
    time_us: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPoint:
    """One value to be logged."""

    key: str
    value: float
    step: int = 0
    time_us: int | None = None
    """None means now."""
    rank: int | None = None
    model_id: str = ""
    """The logged model that the value was measured of, which keeps the point as well."""
    dataset_name: str = ""
    """The dataset that it was measured on, together with `dataset_digest`."""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSummary:
    """Sums up a series. NaN values do not count in `min`, `max` and `sum`."""

    series: Series
    count: int
    nan_count: int
    first: Point
    last: Point
    min: float
    max: float
    sum: float
    min_time_us: int
    max_time_us: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesPoints:
    """Points of one series as columns of equal length, shape (n,).

    Attributes:
        step: int64.
        time_us: int64.
        value: float64, bit for bit as it was logged.
    """

    series: Series
    step: IntColumn
    time_us: IntColumn
    value: FloatColumn

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """Complete histories.

    Attributes:
        series: Each series' points in ascending order of (step, time, value), in the order of
            `list_series`.
        cursor: The log position that all of it is as of, for `watch_run`.
    """

    series: Mapping[Series, SeriesPoints]
    cursor: int

    def __getitem__(self, key: str | Series) -> SeriesPoints:
        """Returns a series; a plain key is its rank-less series, else the lowest rank's.

        Raises:
            KeyError: if there is none.
        """
        if isinstance(key, Series):
            return self.series[key]
        found = [series for series in self.series if series.key == key]
        if not found:
            raise KeyError(key)
        return self.series[min(found, key=lambda one: (one.rank is not None, one.rank or 0))]

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChartSeries:
    """A series summed up in buckets along an axis, as columns of equal length, shape (n,).

    Attributes:
        bucket_width: In units of the axis: a point at x is in the bucket floor(x / bucket_width).
            0 when each point has a bucket of its own.
        x_first: int64, the least x of each bucket's points.
        x_last: int64, the greatest.
        count: int64, points in each bucket, NaN ones included.
        nan_count: int64, those whose value is NaN.
        first: float64, each bucket's value at the least x.
        last: float64, at the greatest.
        min: float64, each bucket's least value, NaN apart.
        max: float64, the greatest.
        sum: float64, of each bucket's values, NaN apart.
    """

    run_id: str
    series: Series
    bucket_width: int
    x_first: IntColumn
    x_last: IntColumn
    count: IntColumn
    nan_count: IntColumn
    first: FloatColumn
    last: FloatColumn
    min: FloatColumn
    max: FloatColumn
    sum: FloatColumn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """A chart of several series over several runs.

    Attributes:
        series: In the order of the runs asked for, and within a run in that of `list_series`.
        cursors: By run id, the log position that its series are as of, for `watch_run`.
    """

    series: Sequence[ChartSeries]
    cursors: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunUpdate:
    """What was committed to a run since the update before.

    Attributes:
        cursor: The log position after it: where `watch_run` can go on.
        series: New points, in the order of their commits. Empty in a mere sign of life.
        run: The run without metrics, in the first update and whenever it has changed, else None.
    """

    cursor: int
    series: Sequence[SeriesPoints]
    run: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A file or folder among a run's artifacts."""

    path: str
    directory: bool
    size_bytes: int
    update_time: datetime | None
    sha256: str
    """Of the content, 64 hexadecimal digits. Empty when it is not known."""
    digest_state: DigestState


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """How far an upload has come."""

    upload_id: str
    run_id: str
    """Empty when the artifact is a logged model's."""
    model_id: str
    """Empty when the artifact is a run's."""
    path: str
    durable_offset: int
    """So many bytes survive any crash of the server."""
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server takes at most."""

    max_message_bytes: int
    max_row_points: int
    max_layouts: int
    max_run_series: int
    max_key_length: int
    max_param_value_length: int
    max_tag_value_length: int
    max_request_entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What a server is and runs on."""

    version: str
    database: str
    """`sqlite` or `postgresql`."""
    artifact_store: str
    """`folder` or `s3`."""
    schema_version: str
    start_time: datetime | None
    http_address: str
    """The address of the HTTP port as `http://host:port`. Empty when it serves none."""
    artifact_root: str
    """Where the server's own artifact store is, as URI."""
    limits: Limits = field(repr=False)
