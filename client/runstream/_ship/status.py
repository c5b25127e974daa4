"""The shipper's status file: what it tells training processes and people."""

import json
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypedDict, cast

__all__ = [
    "NOWHERE",
    "STATUS_NAME",
    "Position",
    "ServerStatus",
    "ShipperStatus",
    "WriterState",
    "WriterStatus",
    "read_status",
    "write_status",
]

STATUS_NAME: Final = "shipper.json"
VERSION: Final = 1

Position: TypeAlias = tuple[int, int]
"""A place in a writer's spool: the number of a segment, and a size in bytes."""

NOWHERE: Final[Position] = (-1, 0)

WriterState: TypeAlias = Literal["shipping", "delivered", "stopped", "unreadable", "offline"]
"""`stopped`: the run takes nothing, as `error` says. `unreadable`: the spool is damaged, or of a
newer version. `offline`: it has no server."""


class ServerStatus(TypedDict):
    """What is known of a server."""

    state: str
    """`connecting`, `connected` or `unavailable`."""
    error: str
    http_address: str


class WriterStatus(TypedDict):
    """How far a writer's spool is delivered."""

    run_id: str
    server: str
    state: WriterState
    rows: int
    """The server has the rows before this offset, or they were given up."""
    records: int
    artifacts: int
    read_rows: int
    """The shipper has read the rows before this offset."""
    read_records: int
    read_artifacts: int
    delivered_to: Position
    """Everything up to here is delivered."""
    error: str


class ShipperStatus(TypedDict):
    """All of it."""

    version: int
    pid: int
    """0 once the shipper has ended."""
    servers: dict[str, ServerStatus]
    """By tracking URI."""
    writers: dict[str, WriterStatus]
    """By writer id."""


def write_status(
    directory: Path,
    pid: int,
    servers: dict[str, ServerStatus],
    writers: dict[str, WriterStatus],
) -> None:
    """Replaces the status file at once.

    Raises:
        OSError: if the disk does not let it.
    """
    status = ShipperStatus(version=VERSION, pid=pid, servers=servers, writers=writers)
    temporary = directory / f".{STATUS_NAME}"
    temporary.write_text(json.dumps(status, separators=(",", ":")))
    temporary.replace(directory / STATUS_NAME)


def read_status(directory: Path) -> ShipperStatus | None:
    """Returns what a shipper said last; None when none did, or in words unknown to this version."""
    try:
        found: object = json.loads((directory / STATUS_NAME).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or cast("dict[str, object]", found).get("version") != VERSION:
        return None
    return cast("ShipperStatus", found)
