"""The records that a run's writers put into the spool beside rows and files.

Each is a JSON object that names itself in `op`; its other fields are those of the RPC that it
becomes, times as microseconds since the epoch.
"""

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = [
    "MAX_MESSAGE_LENGTH",
    "Operation",
    "create_run",
    "delete_tags",
    "finish_run",
    "finish_writer",
    "log_params",
    "resume_run",
    "set_tags",
]

MAX_MESSAGE_LENGTH: Final = 5_000

Operation = dict[str, object]


def create_run(
    *, name: str, start_time_us: int, parent_run_id: str = "", existing: bool = False
) -> Operation:
    """Creates the run, in the experiment that the writer's segments name, if there is none."""
    operation: Operation = {"op": "create_run", "start_time_us": start_time_us}
    if name:
        operation["name"] = name
    if parent_run_id:
        operation["parent_run_id"] = parent_run_id
    if existing:
        operation["existing"] = True
    return operation


def resume_run() -> Operation:
    """Sets the run back to RUNNING."""
    return {"op": "resume_run"}


def log_params(params: Mapping[str, str]) -> Operation:
    """Writes params."""
    return {"op": "log_params", "params": dict(params)}


def set_tags(tags: Mapping[str, str]) -> Operation:
    """Sets tags."""
    return {"op": "set_tags", "tags": dict(tags)}


def delete_tags(keys: Sequence[str]) -> Operation:
    """Deletes tags."""
    return {"op": "delete_tags", "keys": list(keys)}


def finish_writer(status: str, message: str = "") -> Operation:
    """Ends the writer."""
    operation: Operation = {"op": "finish_writer", "status": status}
    if message:
        operation["status_message"] = message[-MAX_MESSAGE_LENGTH:]
    return operation


def finish_run(status: str, end_time_us: int) -> Operation:
    """Ends the run."""
    return {"op": "finish_run", "status": status, "end_time_us": end_time_us}
