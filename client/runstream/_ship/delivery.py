"""Waits until spools are delivered, by what the shipper's status file says. Needs no gRPC."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runstream._ship.election import shipper_pid
from runstream._ship.launch import start_shipper
from runstream._ship.pending import count_pending, read_refusals
from runstream._ship.status import (
    STATUS_NAME,
    Position,
    ServerStatus,
    ShipperStatus,
    WriterStatus,
    read_status,
)
from runstream._ship.watch import SegmentWatch
from runstream._spool import WriterSpool
from runstream._spool.paths import is_id
from runstream._tracking_uri import TrackingUri
from runstream.errors import InvalidValue, SpoolError

__all__ = ["DeliveryReport", "Progress", "Pursuit", "wait_delivered"]

POLL_S: Final = 0.01
RESTART_PAUSE_S: Final = 1.0
PROGRESS_PAUSE_S: Final = 0.2
MAX_PROBLEMS: Final = 5

_STUCK: Final = frozenset({"stopped", "unreadable", "offline"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a delivery has come.

    Attributes:
        writers: How many writers it is about.
        delivered_writers: Of how many of them everything is delivered.
        rows: How many of their rows the server has, or were given up.
        records: How many of their operations, likewise.
        artifacts: How many of their artifacts, likewise.
        problems: What keeps them from being delivered: the first few.
        server_state: `connected`, `connecting`, `unavailable`, or empty while nobody has asked it.
        http_address: The server's web address, empty while it is not known.
    """

    writers: int
    delivered_writers: int
    rows: int
    records: int
    artifacts: int
    problems: tuple[str, ...]
    server_state: str
    http_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport(Progress):
    """How a delivery ended.

    Attributes:
        delivered: Whether the server has everything, apart from what it refused for good.
        pending_rows: Rows that the server lacks, at least so many.
        pending_records: Operations that it lacks, likewise.
        pending_artifacts: Artifacts that it lacks, likewise.
        is_exact: Whether it is exactly so many.
        rejected: How many records the server refused for good; they lie in the spool's `rejected`.
        refusals: Why: the first few reasons.
    """

    delivered: bool
    pending_rows: int
    pending_records: int
    pending_artifacts: int
    is_exact: bool
    rejected: int
    refusals: tuple[str, ...]


def wait_delivered(
    spool_dir: str | os.PathLike[str],
    *,
    run_id: str | None = None,
    writer_id: str | None = None,
    timeout_s: float,
    keep_waiting: Callable[[Progress], bool] | None = None,
) -> DeliveryReport:
    """Waits until what writers have written up to now is delivered.

    A shipper is started if there is none. The wait ends early when it is in vain: when the run
    takes nothing, or when the writers have no server.

    Args:
        spool_dir: The spool.
        run_id: Waits for all writers of a run.
        writer_id: Waits for one writer.
        timeout_s: For at most so long.
        keep_waiting: Called about five times a second; the wait ends when it returns False.

    Raises:
        SpoolError: if the spool lies on a file system without locks.
        OSError: if no shipper can be started.
    """
    directory = Path(spool_dir)
    pursuit = Pursuit(directory, _spools(directory, run_id, writer_id))
    deadline = time.monotonic() + timeout_s
    started_at = asked_at = -RESTART_PAUSE_S
    while not pursuit.is_over():
        now = time.monotonic()
        if now >= deadline or not any(map(_has_server, pursuit.undelivered)):
            break
        if keep_waiting is not None and now - asked_at >= PROGRESS_PAUSE_S:
            asked_at = now
            if not keep_waiting(pursuit.progress()):
                break
        if now - started_at >= RESTART_PAUSE_S:
            started_at = now
            start_shipper(directory)
        time.sleep(POLL_S)
    return pursuit.report()


class Pursuit:
    """Follows writers to where they are when this is made.

    Attributes:
        wanted: Where they are, by writer id.
    """

    def __init__(
        self, directory: Path, spools: Sequence[WriterSpool], server: TrackingUri | None = None
    ) -> None:
        """Notes where the writers are.

        Args:
            directory: The spool.
            spools: The writers.
            server: What another server has does not count. None means each writer's own.
        """
        self._directory = directory
        self._server = server
        self._spools = spools
        self._open = list(spools)
        self.wanted = {spool.writer_id: _position(spool) for spool in spools}
        self._stamp: tuple[int, int] | None = None
        self._status: ShipperStatus | None = None

    @property
    def undelivered(self) -> list[WriterSpool]:
        """The writers of which something is not delivered, as far as is known."""
        return self._open

    def is_over(self) -> bool:
        """Looks at the status file; returns whether nothing more is to be waited for."""
        self._refresh()
        return all(self._is_stuck(spool) for spool in self._open)

    def has_stuck(self) -> bool:
        """Tells whether the shipper at work has stopped trying to deliver one of them."""
        self._refresh()
        return any(self._is_stuck(spool) for spool in self._open)

    def progress(self) -> Progress:
        """Returns how far the delivery has come, at little cost."""
        rows = records = artifacts = 0
        for spool in self._spools:
            entry = self._entry(spool)
            if entry is None:
                acked = spool.acked()
                levels = (acked.rows, acked.operations, acked.artifacts)
            else:
                levels = (entry["rows"], entry["records"], entry["artifacts"])
            rows, records, artifacts = rows + levels[0], records + levels[1], artifacts + levels[2]
        servers = self._servers()
        return Progress(
            writers=len(self._spools),
            delivered_writers=len(self._spools) - len(self._open),
            rows=rows,
            records=records,
            artifacts=artifacts,
            problems=self._problems(servers),
            server_state=servers[0]["state"] if servers else "",
            http_address=servers[0]["http_address"] if servers else "",
        )

    def report(self) -> DeliveryReport:
        """Returns how far the delivery has come, with what is left."""
        progress = self.progress()
        pending = count_pending((spool, self._entry(spool)) for spool in self._open)
        rejected, refusals = read_refusals(self._directory, self._spools)
        return DeliveryReport(
            writers=progress.writers,
            delivered_writers=progress.delivered_writers,
            rows=progress.rows,
            records=progress.records,
            artifacts=progress.artifacts,
            problems=progress.problems,
            server_state=progress.server_state,
            http_address=progress.http_address,
            delivered=not self._open,
            pending_rows=pending.rows,
            pending_records=pending.records,
            pending_artifacts=pending.artifacts,
            is_exact=pending.is_exact,
            rejected=rejected,
            refusals=refusals,
        )

    def _servers(self) -> list[ServerStatus]:
        """Returns the servers of what is not delivered, or of all once it is."""
        if self._status is None:
            return []
        entries = [self._entry(spool) for spool in self._open or self._spools]
        uris = dict.fromkeys(entry["server"] for entry in entries if entry is not None)
        found = self._status["servers"]
        return [found[uri] for uri in uris if uri in found]

    def _problems(self, servers: Sequence[ServerStatus]) -> tuple[str, ...]:
        entries = [entry for spool in self._open if (entry := self._entry(spool)) is not None]
        errors = [each["error"] for each in (*servers, *entries) if each["error"]]
        return tuple(dict.fromkeys(errors))[:MAX_PROBLEMS]

    def _refresh(self) -> None:
        """Takes note of what the status file says, if it says something new."""
        if self._read_status():
            self._open = [spool for spool in self._open if not self._is_delivered(spool)]

    def _read_status(self) -> bool:
        """Reads the status file if it has changed; returns whether to look at its news."""
        try:
            found = (self._directory / STATUS_NAME).stat()
            stamp = (found.st_mtime_ns, found.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp == self._stamp and self._status is not None:
            return False
        self._stamp = stamp
        self._status = read_status(self._directory)
        return True

    def _entry(self, spool: WriterSpool) -> WriterStatus | None:
        entry = self._status["writers"].get(spool.writer_id) if self._status is not None else None
        if entry is None or self._server is None or entry["server"] == self._server.text:
            return entry
        return None

    def _is_delivered(self, spool: WriterSpool) -> bool:
        entry = self._entry(spool)
        if entry is not None and tuple(entry["delivered_to"]) >= self.wanted[spool.writer_id]:
            return True
        return spool.acked().finished or not spool.folder.exists()

    def _is_stuck(self, spool: WriterSpool) -> bool:
        entry = self._entry(spool)
        if entry is None or entry["state"] not in _STUCK or self._status is None:
            return False
        # Another shipper's word may be of another day.
        return self._status["pid"] == shipper_pid(self._directory)


def _has_server(spool: WriterSpool) -> bool:
    try:
        uri = spool.header().identity.server_uri
        return bool(uri) and TrackingUri.parse(uri).folder is None
    except (SpoolError, InvalidValue):
        return True  # the shipper says what is wrong with it


def _position(spool: WriterSpool) -> Position:
    """Returns where a writer is."""
    watch = SegmentWatch(spool.folder)
    watch.look()
    return watch.position


def _spools(directory: Path, run_id: str | None, writer_id: str | None) -> list[WriterSpool]:
    runs = [run_id] if run_id is not None else _ids(directory)
    return [
        WriterSpool(directory, run, writer)
        for run in runs
        for writer in _ids(directory / run)
        if writer_id in (None, writer)
    ]


def _ids(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir() if is_id(path.name)]
    except (FileNotFoundError, NotADirectoryError):
        return []
