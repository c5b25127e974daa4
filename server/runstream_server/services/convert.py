"""From the contract's messages to values, and back: what several services share."""

from collections.abc import Sequence
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import experiment_pb2, run_pb2, run_service_pb2
from runstream_server.core.runs import RecordId, RunStatus
from runstream_server.core.runs.keys import KeyKind
from runstream_server.core.search.pages import ViewType
from runstream_server.core.validation import check_time_us, invalid_value, missing_value

__all__ = [
    "key_kind",
    "lifecycle_stage",
    "microseconds",
    "optional_microseconds",
    "optional_timestamp",
    "record_id",
    "run_status",
    "timestamp",
    "updates_only",
    "view_type",
]

NANOS_PER_SECOND: Final = 1_000_000_000
_STATUSES: Final = {status.value: status for status in RunStatus}
_KEY_KINDS: Final = {kind.value: kind for kind in KeyKind}
_VIEW_TYPES: Final = {view.value: view for view in ViewType}


def timestamp(time_us: int) -> Timestamp:
    """Returns a time in microseconds since the epoch as a message."""
    seconds, us = divmod(time_us, 1_000_000)
    return Timestamp(seconds=seconds, nanos=us * 1_000)


def optional_timestamp(time_us: int | None) -> Timestamp | None:
    """Returns a time as a message, or None for none."""
    return None if time_us is None else timestamp(time_us)


def microseconds(field: str, time: Timestamp) -> int:
    """Returns a time in microseconds since the epoch; what is finer is cut off.

    Raises:
        Failure: INVALID_VALUE when it is before 1970, after 9999, or no time.
    """
    if not 0 <= time.nanos < NANOS_PER_SECOND:
        raise invalid_value(f"{field}.nanos", time.nanos, "use 0 to 999999999")
    return check_time_us(field, time.seconds * 1_000_000 + time.nanos // 1_000)


def optional_microseconds(message: Message, field: str) -> int | None:
    """Returns the time in a field of a message, or None when that is not set.

    Raises:
        Failure: INVALID_VALUE, as `microseconds` does.
    """
    return microseconds(field, getattr(message, field)) if message.HasField(field) else None


def lifecycle_stage(*, active: bool) -> "experiment_pb2.LifecycleStage.ValueType":
    """Returns the stage of what is active or deleted."""
    if active:
        return experiment_pb2.LIFECYCLE_STAGE_ACTIVE
    return experiment_pb2.LIFECYCLE_STAGE_DELETED


def view_type(number: int) -> ViewType:
    """Returns what to select; active ones when nothing is said.

    Raises:
        Failure: INVALID_VALUE for a number that the enum does not have.
    """
    if number == experiment_pb2.VIEW_TYPE_UNSPECIFIED:
        return ViewType.ACTIVE_ONLY
    if number not in _VIEW_TYPES:
        raise invalid_value("view_type", number, "use a value of the enum ViewType, 0 to 3")
    return _VIEW_TYPES[number]


def run_status(field: str, number: int) -> RunStatus:
    """Returns a status that has to be said.

    Raises:
        Failure: MISSING_VALUE when it is not, INVALID_VALUE for a number that the enum lacks.
    """
    if number == run_pb2.RUN_STATUS_UNSPECIFIED:
        raise missing_value(field, "set it to a value of the enum RunStatus")
    if number not in _STATUSES:
        raise invalid_value(field, number, "use a value of the enum RunStatus, 1 to 5")
    return _STATUSES[number]


def key_kind(number: int) -> KeyKind:
    """Returns what keys belong to.

    Raises:
        Failure: MISSING_VALUE when it is not said, INVALID_VALUE for what the enum lacks.
    """
    if number == run_service_pb2.KEY_KIND_UNSPECIFIED:
        raise missing_value("kind", "set it to a value of the enum KeyKind")
    if number not in _KEY_KINDS:
        raise invalid_value("kind", number, "use a value of the enum KeyKind, 1 to 3")
    return _KEY_KINDS[number]


def record_id(message: Message) -> RecordId | None:
    """Returns the id in the field `record` of a request, or None when that is not set."""
    if not message.HasField("record"):
        return None
    record: run_pb2.RecordId = getattr(message, "record")  # noqa: B009 - not of every message
    return RecordId(record.writer_id, record.number)


def updates_only(allowed: Sequence[str], mask: FieldMask) -> None:
    """Checks that a mask names nothing but the fields that can be changed.

    Raises:
        Failure: INVALID_VALUE.
    """
    for path in mask.paths:
        if path not in allowed:
            raise invalid_value("update_mask", path, f"name only {', '.join(allowed)}")
