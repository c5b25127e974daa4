"""One writer's folder, as whoever delivers it sees it."""

import contextlib
import itertools
import json
import math
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runstream._spool.header import BadHeader, SegmentHeader
from runstream._spool.lock import LOCK_NAME, is_held
from runstream._spool.paths import (
    ACKED_NAME,
    ARTIFACTS_FOLDER,
    REJECTED_FOLDER,
    is_id,
    segment_path,
    writer_folder,
)
from runstream._spool.reader import CHUNK_BYTES, SpoolReader
from runstream._spool.records import Artifact
from runstream._spool.rejects import Refusable, refusal_name, refusal_text
from runstream._spool.segment import read_header, segment_numbers
from runstream.errors import SpoolError

__all__ = ["KEEP_SECONDS", "Acked", "WriterSpool", "remove_abandoned", "scan"]

KEEP_SECONDS: Final = 3_600
"""How long delivered segments stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acked:
    """How much of a writer the server has.

    Attributes:
        rows: Rows before this offset.
        operations: Operations before this number.
        artifacts: Artifacts before this number.
        finished: Whether that is all there will be.
        acked_at: When each segment was first known to be delivered, seconds since the epoch.
    """

    rows: int = 0
    operations: int = 0
    artifacts: int = 0
    finished: bool = False
    acked_at: dict[int, float] = field(default_factory=dict[int, float])


def scan(directory: Path) -> list["WriterSpool"]:
    """Returns the writers in a spool that have written something, in the order of their ids.

    A writer that is being made, or that died while it was, is not there yet.
    """
    return [
        WriterSpool(directory, run.name, folder.name)
        for run in _id_folders(directory)
        for folder in _id_folders(run)
        if segment_numbers(folder)
    ]


def remove_abandoned(directory: Path, now: float | None = None) -> None:
    """Removes the folders of writers that died an hour ago or more before they wrote anything."""
    now = time.time() if now is None else now
    for run in _id_folders(directory):
        for folder in _id_folders(run):
            try:
                is_old = now - folder.stat().st_mtime >= KEEP_SECONDS
                has_lock = (folder / LOCK_NAME).exists()
                if is_old and not segment_numbers(folder) and not (has_lock and is_held(folder)):
                    _remove_folder(folder)
            except FileNotFoundError:
                continue


def _remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)
    with contextlib.suppress(OSError):  # other writers of the run are there
        folder.parent.rmdir()


def _id_folders(parent: Path) -> list[Path]:
    try:
        names = sorted(os.listdir(parent))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [parent / name for name in names if is_id(name)]


class WriterSpool:
    """A writer's folder.

    One process at a time may call what changes it: the one that holds the spool's shipper lock.

    Attributes:
        directory: The spool.
        run_id: The run's id.
        writer_id: The writer's id.
        folder: The writer's folder.
    """

    def __init__(self, directory: Path, run_id: str, writer_id: str) -> None:
        self.directory = directory
        self.run_id = run_id
        self.writer_id = writer_id
        self.folder = writer_folder(directory, run_id, writer_id)

    def header(self) -> SegmentHeader:
        """Returns the header of the first segment that has one: it says whose this is.

        Raises:
            UnsupportedSpool: if it was written by a newer version.
            BadHeader: if no segment has a header.
        """
        for number in segment_numbers(self.folder):
            try:
                return read_header(self.folder, number)
            except BadHeader:
                continue
        raise BadHeader(f"{self.folder} holds no segment whose header can be read")

    def alive(self) -> bool:
        """Tells whether the writer may still write."""
        return is_held(self.folder)

    def size_bytes(self) -> int:
        """Returns the size of the segments and the snapshots."""
        sizes = [path.stat().st_size for path in self.folder.glob("*.seg")]
        sizes += [path.stat().st_size for path in (self.folder / ARTIFACTS_FOLDER).glob("*")]
        return sum(sizes)

    def reader(
        self,
        *,
        first_row: int = 0,
        first_operation: int = 0,
        first_artifact: int = 0,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> SpoolReader:
        """Returns a reader that begins at a place in the writer's stream."""
        return SpoolReader(
            self.folder,
            first_row=first_row,
            first_operation=first_operation,
            first_artifact=first_artifact,
            chunk_bytes=chunk_bytes,
        )

    def content_path(self, artifact: Artifact) -> Path:
        """Returns the file that holds an artifact's content.

        Raises:
            SpoolError: if it is not the spool's own, and is gone or has changed.
        """
        if artifact.snapshot is not None:
            return self.folder / ARTIFACTS_FOLDER / artifact.snapshot
        path = Path(artifact.source or "")
        try:
            found = path.stat()
        except OSError as error:
            raise SpoolError(f"{path} was to be uploaded and cannot be read: {error}") from error
        logged = (artifact.size, artifact.mtime_ns, artifact.inode, artifact.device)
        if (found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev) != logged:
            raise SpoolError(f"{path} has changed since it was logged: log it again")
        return path

    def discard_content(self, artifact: Artifact) -> None:
        """Removes an artifact's snapshot, once the server has it."""
        if artifact.snapshot is not None:
            self.content_path(artifact).unlink(missing_ok=True)

    def acked(self) -> Acked:
        """Returns how much the server has, as far as it was noted here."""
        try:
            found = json.loads((self.folder / ACKED_NAME).read_text())
            acked_at = {int(number): float(at) for number, at in found.pop("acked_at").items()}
            return Acked(**found, acked_at=acked_at)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            # The server knows it too: what is lost here is asked there.
            return Acked()

    def note_acked(
        self,
        *,
        rows: int,
        operations: int,
        artifacts: int,
        finished: bool,
        now: float | None = None,
    ) -> None:
        """Notes how much the server has.

        Args:
            rows: It has, or has skipped, all rows before this offset.
            operations: It has all operations before this number.
            artifacts: It has all artifacts before this number.
            finished: Whether the reader has finished and this is everything.
            now: Seconds since the epoch, None for now.
        """
        acked_at = self.acked().acked_at
        now = time.time() if now is None else now
        for number in self._delivered(rows, operations, artifacts, finished=finished):
            acked_at.setdefault(number, now)
        text = json.dumps(
            {
                "rows": rows,
                "operations": operations,
                "artifacts": artifacts,
                "finished": finished,
                "acked_at": acked_at,
            }
        )
        temporary = self.folder / f".{ACKED_NAME}"
        temporary.write_text(text)
        temporary.replace(self.folder / ACKED_NAME)

    def trim(self, now: float | None = None) -> bool:
        """Removes what was delivered an hour ago or more. Returns whether the whole folder went."""
        now = time.time() if now is None else now
        acked = self.acked()
        numbers = segment_numbers(self.folder)
        old = [
            number
            for number in numbers
            if now - acked.acked_at.get(number, math.inf) >= KEEP_SECONDS
        ]
        if numbers and old == numbers and acked.finished and not self.alive():
            _remove_folder(self.folder)
            return True
        for number in numbers[:-1]:
            if number not in old:
                break
            segment_path(self.folder, number).unlink(missing_ok=True)
        return False

    def reject(self, record: Refusable, reason: str) -> Path:
        """Puts what the server refused for good, and why, into the spool's folder for that.

        The folder stays when the writer's goes. Rejecting the same again changes nothing.

        Returns:
            The file that tells of it. An artifact's snapshot is moved beside it.
        """
        folder = self.directory / REJECTED_FOLDER / self.run_id / self.writer_id
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{refusal_name(record)}.json"
        path.write_text(refusal_text(record, reason, self.header()))
        if isinstance(record, Artifact) and record.snapshot is not None:
            with contextlib.suppress(FileNotFoundError):
                self.content_path(record).replace(path.with_suffix(".content"))
        return path

    def rejected_count(self) -> int:
        """Counts what was rejected: chunks of rows, operations and artifacts."""
        folder = self.directory / REJECTED_FOLDER / self.run_id / self.writer_id
        return sum(1 for _ in folder.glob("*.json"))

    def _delivered(
        self, rows: int, operations: int, artifacts: int, *, finished: bool
    ) -> list[int]:
        numbers = segment_numbers(self.folder)
        if finished:
            return numbers
        delivered: list[int] = []
        for number, following in itertools.pairwise(numbers):
            try:
                header = read_header(self.folder, following)
            except BadHeader:
                break
            if (
                header.first_row > rows
                or header.first_operation > operations
                or header.first_artifact > artifacts
            ):
                break
            delivered.append(number)
        return delivered
