"""The two small files that say what an upload is: `spec` and `committed`."""

from __future__ import annotations

import json
import os
from typing import Final, cast

from runstream_server.objects.base import Digest, ObjectInfo
from runstream_server.objects.errors import InvalidName
from runstream_server.objects.paths import Location

__all__ = [
    "COMMITTED",
    "SPEC",
    "read_committed",
    "read_spec",
    "sync",
    "write_committed",
    "write_spec",
]

SPEC: Final = "spec"
COMMITTED: Final = "committed"
MAX_RECORD_BYTES: Final = 65_536


def write_spec(location: Location, folder: int) -> None:
    """Writes where an upload's object will be."""
    _write(SPEC, {"base": location.base, "path": location.path}, folder)


def read_spec(folder: int) -> Location | None:
    """Reads where an upload's object will be; None when a crash kept that from being written."""
    fields = _read(SPEC, folder)
    try:
        return Location(base=str(fields["base"]), path=str(fields["path"]))
    except (KeyError, InvalidName):
        return None


def write_committed(info: ObjectInfo, folder: int) -> None:
    """Writes what a commit is about to make visible."""
    digest = info.digest
    if digest is None or digest.sha256 is None:
        raise ValueError("a commit needs the whole digest")
    _write(
        COMMITTED,
        {
            "size_bytes": info.size_bytes,
            "crc32c": digest.crc32c,
            "sha256": digest.sha256.hex(),
            "modify_time_us": info.modify_time_us,
        },
        folder,
    )


def read_committed(location: Location, folder: int) -> ObjectInfo | None:
    """Reads what a commit made visible; None when there was none, or a crash tore the record."""
    fields = _read(COMMITTED, folder)
    try:
        size_bytes = int(cast("int", fields["size_bytes"]))
        return ObjectInfo(
            location=location,
            size_bytes=size_bytes,
            modify_time_us=int(cast("int", fields["modify_time_us"])),
            digest=Digest(
                size_bytes=size_bytes,
                crc32c=int(cast("int", fields["crc32c"])),
                sha256=bytes.fromhex(str(fields["sha256"])),
            ),
        )
    except (KeyError, TypeError, ValueError):
        return None


def sync(name: str, folder: int) -> None:
    """Makes a record durable."""
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write(name: str, fields: dict[str, object], folder: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o600, dir_fd=folder)
    with open(fd, "wb") as file:
        file.write(json.dumps(fields).encode())


def _read(name: str, folder: int) -> dict[str, object]:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return {}
    with open(fd, "rb") as file:
        text = file.read(MAX_RECORD_BYTES)
    try:
        fields: object = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, object]", fields) if isinstance(fields, dict) else {}
