"""Takes an artifact's content into the spool, so that the file may change or go right after."""

import contextlib
import fcntl
import os
import shutil
import stat
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from runstream._spool.paths import ARTIFACTS_FOLDER
from runstream.errors import InvalidValue

__all__ = ["DiskRefused", "Snapshot", "snapshot_max_bytes", "take_snapshot"]

DEFAULT_SNAPSHOT_MAX: Final = 4 * 1024**3
_COPY_BYTES: Final = 1024 * 1024
_FICLONE: Final = 0x40049409
"""Linux's ioctl that lets two files share their blocks: btrfs, XFS, bcachefs, overlays of them."""


class DiskRefused(Exception):
    """Means that the spool's disk did not take the content."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Content in the spool, or a file outside that is referred to.

    Attributes:
        name: The file's name in the writer's folder for artifacts, None when `source` is referred
            to.
        size: Its size in bytes.
        source: The absolute path of the file referred to.
        mtime_ns: Its modification time: it must still be the same when it is uploaded.
        inode: Its inode, likewise.
        device: Its device, likewise.
    """

    size: int
    name: str | None = None
    source: str | None = None
    mtime_ns: int | None = None
    inode: int | None = None
    device: int | None = None

    def payload(self, path: str) -> dict[str, object]:
        """Returns the record of an artifact that gets this content."""
        if self.name is not None:
            return {"path": path, "size": self.size, "snapshot": self.name}
        return {
            "path": path,
            "size": self.size,
            "source": self.source,
            "mtime_ns": self.mtime_ns,
            "inode": self.inode,
            "device": self.device,
        }


def snapshot_max_bytes() -> int:
    """Returns `RUNSTREAM_SNAPSHOT_MAX`, the greatest file that is copied, in bytes.

    Raises:
        InvalidValue: if it is not a number of bytes.
    """
    text = os.environ.get("RUNSTREAM_SNAPSHOT_MAX", "")
    if not text:
        return DEFAULT_SNAPSHOT_MAX
    if not text.isdecimal():
        raise InvalidValue(f"RUNSTREAM_SNAPSHOT_MAX is {text!r}: set it to a number of bytes")
    return int(text)


def take_snapshot(
    source: str | os.PathLike[str] | bytes, folder: Path, *, move: bool, max_copied_bytes: int
) -> Snapshot:
    """Takes a file's content, or bytes, into a writer's folder.

    Args:
        source: The file, or the content.
        folder: The writer's folder.
        move: Whether the file is handed over, and gone afterwards.
        max_copied_bytes: A greater file is only referred to, unless its blocks can be shared or it
            is handed over.

    Raises:
        OSError: if the source cannot be read.
        InvalidValue: if it is not a file.
        DiskRefused: if the disk does not take the content; nothing of it is left behind.
    """
    target = folder / ARTIFACTS_FOLDER / uuid.uuid4().hex
    if isinstance(source, bytes):
        with _written(target) as file:
            file.write(source)
        return Snapshot(name=target.name, size=len(source))
    path = Path(source).absolute()
    with path.open("rb") as original:
        found = os.fstat(original.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise InvalidValue(f"{path} is not a file: log its content, or the files in it")
        if move and _moved(path, target):
            return Snapshot(name=target.name, size=found.st_size)
        if _shared(original, target):
            size = target.stat().st_size
        elif found.st_size <= max_copied_bytes or move:
            with _written(target) as file:
                shutil.copyfileobj(original, file, _COPY_BYTES)
                size = file.tell()
        else:
            return Snapshot(
                size=found.st_size,
                source=str(path),
                mtime_ns=found.st_mtime_ns,
                inode=found.st_ino,
                device=found.st_dev,
            )
    if move:
        path.unlink()
    return Snapshot(name=target.name, size=size)


@contextlib.contextmanager
def _written(target: Path) -> Generator[BinaryIO]:
    try:
        with open(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            yield file
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DiskRefused(error) from error
        raise


def _moved(path: Path, target: Path) -> bool:
    try:
        path.rename(target)
    except OSError:
        return False
    return True


def _shared(original: BinaryIO, target: Path) -> bool:
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DiskRefused(error) from error
    try:
        fcntl.ioctl(descriptor, _FICLONE, original.fileno())
    except OSError:
        target.unlink()
        return False
    finally:
        os.close(descriptor)
    return True
