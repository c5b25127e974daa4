"""What logged models are to everyone above the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runstream_server.storage.model_rows import ModelPoint
from runstream_server.storage.model_status import ModelStatus

__all__ = ["LoggedModel", "ModelPoint", "ModelStatus", "NewModel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModel:
    """A logged model to be created; empty fields are not given. Without a time it is from now."""

    experiment_id: int
    model_id: str = ""
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    create_time_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """A logged model as readers see it.

    Attributes:
        metrics: Points about it, as far as they were asked for.
        more_metrics: Whether there are more than those.
    """

    model_id: str
    experiment_id: int
    name: str
    artifact_uri: str
    model_type: str
    source_run_id: str
    status: ModelStatus
    status_message: str
    active: bool
    create_time_us: int
    update_time_us: int
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[ModelPoint] = ()
    more_metrics: bool = False
