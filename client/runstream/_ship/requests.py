"""Turns a writer's operations into calls.

An operation is a JSON object that names itself in `op`. Its other fields are those of the RPC that
it becomes; times are integers, microseconds since the epoch:

| op | RPC | fields |
| --- | --- | --- |
| `create_run` | CreateRun | `name`, `start_time_us`, `tags`, `parent_run_id`, `user`, `status`, |
| | | `experiment_id` or `experiment_name` (neither: the segments'), `existing` |
| `resume_run` | ResumeRun | |
| `log_params` | LogParams | `params`, at most 1 000 |
| `set_tags` | SetTags | `tags`, at most 1 000 |
| `delete_tags` | DeleteTags | `keys` |
| `finish_run` | FinishRun | `status`, `end_time_us` |
| `finish_writer` | FinishWriter | `status`, `status_message` |

`existing` says that the run may be there already, in whatever experiment: that is then no error. A
status is a name of RunStatus without its prefix.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from runstream._spool import Operation, WriterIdentity
from runstream.v1 import run_pb2, run_service_pb2 as pb

__all__ = ["Call", "MalformedOperation", "call_of", "creates_run", "is_finish"]

Call: TypeAlias = tuple[str, Message]
"""The name of an RPC of RunService, and its request."""

_Fields: TypeAlias = Mapping[str, object]
_Build: TypeAlias = Callable[[_Fields, WriterIdentity, run_pb2.RecordId], Message]

_DEFAULT_EXPERIMENT_ID: Final = "0"


class MalformedOperation(ValueError):
    """Means that no call can be made of an operation."""


def creates_run(operation: Operation) -> bool:
    """Tells whether nothing else of the writer makes sense before this is done."""
    return operation.payload.get("op") == "create_run"


def is_finish(operation: Operation) -> bool:
    """Tells whether everything before this has to be delivered before it."""
    return operation.payload.get("op") in ("finish_run", "finish_writer")


def call_of(operation: Operation, identity: WriterIdentity) -> Call:
    """Returns the call that an operation stands for.

    Raises:
        MalformedOperation: if it stands for none that this version knows.
    """
    fields = operation.payload
    op = fields.get("op")
    known = _CALLS.get(op) if isinstance(op, str) else None
    if known is None:
        raise MalformedOperation(
            f"the operation {op!r:.100} is not known to this version: deliver it with a newer one"
        )
    name, build = known
    record = run_pb2.RecordId(writer_id=identity.writer_id, number=operation.number)
    try:
        return name, build(fields, identity, record)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise MalformedOperation(f"the operation {op!r} is malformed: {error}") from error


def _create_run(fields: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    request = pb.CreateRunRequest(
        run_id=who.run_id,
        name=_text(fields, "name"),
        start_time=_time(fields, "start_time_us"),
        tags=_texts(fields, "tags"),
        parent_run_id=_text(fields, "parent_run_id"),
        user=_text(fields, "user"),
        record=record,
        status=_status(fields),
    )
    experiment_id = _text(fields, "experiment_id")
    name = _text(fields, "experiment_name") or who.experiment
    if experiment_id or not name:
        request.experiment_id = experiment_id or _DEFAULT_EXPERIMENT_ID
    else:
        request.experiment_name = name
    return request


def _resume_run(_: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    return pb.ResumeRunRequest(run_id=who.run_id, record=record)


def _log_params(fields: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    return pb.LogParamsRequest(run_id=who.run_id, params=_texts(fields, "params"), record=record)


def _set_tags(fields: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    return pb.SetTagsRequest(run_id=who.run_id, tags=_texts(fields, "tags"), record=record)


def _delete_tags(fields: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    keys = cast("list[str]", fields.get("keys", []))
    return pb.DeleteTagsRequest(run_id=who.run_id, keys=keys, record=record)


def _finish_run(fields: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    return pb.FinishRunRequest(
        run_id=who.run_id,
        status=_status(fields),
        end_time=_time(fields, "end_time_us"),
        record=record,
    )


def _finish_writer(fields: _Fields, who: WriterIdentity, record: run_pb2.RecordId) -> Message:
    return pb.FinishWriterRequest(
        run_id=who.run_id,
        writer_id=who.writer_id,
        status=_status(fields),
        status_message=_text(fields, "status_message"),
        record=record,
    )


_CALLS: Final[Mapping[str, tuple[str, _Build]]] = {
    "create_run": ("CreateRun", _create_run),
    "resume_run": ("ResumeRun", _resume_run),
    "log_params": ("LogParams", _log_params),
    "set_tags": ("SetTags", _set_tags),
    "delete_tags": ("DeleteTags", _delete_tags),
    "finish_run": ("FinishRun", _finish_run),
    "finish_writer": ("FinishWriter", _finish_writer),
}


def _text(fields: _Fields, name: str) -> str:
    return cast("str", fields.get(name) or "")


def _texts(fields: _Fields, name: str) -> Mapping[str, str]:
    texts: object = fields.get(name) or {}
    if not isinstance(texts, Mapping):
        raise TypeError(f"{name} are texts by key, not {texts!r:.100}")
    return cast("Mapping[str, str]", texts)


def _status(fields: _Fields) -> run_pb2.RunStatus.ValueType:
    name = _text(fields, "status")
    return run_pb2.RunStatus.Value(f"RUN_STATUS_{name or 'UNSPECIFIED'}")


def _time(fields: _Fields, name: str) -> Timestamp | None:
    time_us = fields.get(name)
    if time_us is None:
        return None
    time = Timestamp()
    time.FromMicroseconds(cast("int", time_us))
    return time
