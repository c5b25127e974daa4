"""Where spools lie: `<spool>/<run id>/<writer id>/<segment>.seg`."""

import hashlib
import os
import re
import socket
from pathlib import Path
from typing import Final

__all__ = [
    "ACKED_NAME",
    "ARTIFACTS_FOLDER",
    "REJECTED_FOLDER",
    "default_spool_dir",
    "is_id",
    "segment_number",
    "segment_path",
    "writer_folder",
]

ARTIFACTS_FOLDER: Final = "artifacts"
REJECTED_FOLDER: Final = "rejected"
ACKED_NAME: Final = "acked.json"

_ID: Final = re.compile(r"[0-9a-f]{32}")
_SEGMENT_NAME: Final = re.compile(r"([0-9]{8,})\.seg")
_MACHINE_ID_FILES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def default_spool_dir() -> Path:
    """Returns `RUNSTREAM_SPOOL_DIR`, else a folder of this machine's in the user's state folder.

    Home folders are often shared by machines; a spool is not, because it belongs to whoever holds
    its locks.
    """
    configured = os.environ.get("RUNSTREAM_SPOOL_DIR")
    if configured:
        return Path(configured).expanduser().absolute()
    return Path.home() / ".local" / "state" / "runstream" / _machine_id()


def _machine_id() -> str:
    for file in _MACHINE_ID_FILES:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text and text != "uninitialized":
            # machine-id(5) asks not to show the id itself.
            return hashlib.sha256(f"runstream {text}".encode()).hexdigest()[:32]
    return hashlib.sha256(f"runstream {socket.gethostname()}".encode()).hexdigest()[:32]


def is_id(text: str) -> bool:
    """Tells whether a text is an id: 32 lower-case hexadecimal digits."""
    return _ID.fullmatch(text) is not None


def writer_folder(directory: Path, run_id: str, writer_id: str) -> Path:
    """Returns the folder of a writer."""
    return directory / run_id / writer_id


def segment_path(folder: Path, number: int) -> Path:
    """Returns the path of a segment in a writer's folder."""
    return folder / f"{number:08d}.seg"


def segment_number(name: str) -> int | None:
    """Returns the number of the segment that a file name names, or None."""
    match = _SEGMENT_NAME.fullmatch(name)
    return int(match[1]) if match else None
