"""Delivers a spool while the caller waits: what `runstream sync` does."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runstream._ship.delivery import DeliveryReport, Progress, Pursuit
from runstream._ship.election import ShipperLock, shipper_pid
from runstream._ship.launch import start_shipper
from runstream._spool import scan
from runstream._tracking_uri import TrackingUri
from runstream.errors import InvalidValue, SpoolError

__all__ = ["sync"]

POLL_S: Final = 0.05
PROGRESS_PAUSE_S: Final = 0.2
STEP_DOWN_TIMEOUT_S: Final = 10.0


def sync(
    spool_dir: str | os.PathLike[str],
    tracking_uri: str | None = None,
    *,
    timeout_s: float | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> DeliveryReport:
    """Delivers what lies in a spool now, and returns once that is done, or in vain.

    Writers that still write are delivered up to where they are. Writers whose run took nothing
    before are tried again. A shipper that is at work and can do all of this is only watched; it
    has to step down for the time otherwise.

    Args:
        spool_dir: The spool.
        tracking_uri: Delivers everything to this server, whatever the spool says, and also what was
            written for no server. None means each writer to its own.
        timeout_s: For at most so long. None means for as long as it takes, a dead server's return
            included.
        progress: Called about five times a second.

    Raises:
        InvalidValue: if the URI is none, or names no server.
        SpoolError: if the spool cannot be locked.
    """
    directory = Path(spool_dir)
    override = None if tracking_uri is None else _server(tracking_uri)
    spools = [spool for spool in scan(directory) if not spool.acked().finished]
    pursuit = Pursuit(directory, spools, override)
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    if not spools:
        return pursuit.report()
    lock = ShipperLock.acquire(directory)
    takes_over = lock is None and (override is not None or pursuit.has_stuck())
    if takes_over:
        lock = _take_over(directory)
    if lock is None:
        _follow(pursuit, progress, deadline, pursuit.is_over)
        return pursuit.report()
    try:
        report = _deliver(_Engine(directory, override, pursuit), pursuit, progress, deadline)
    finally:
        lock.release()
    if (takes_over and not report.delivered) or any(spool.alive() for spool in scan(directory)):
        start_shipper(directory)
    return report


def _server(text: str) -> TrackingUri:
    uri = TrackingUri.parse(text)
    if uri.folder is not None:
        raise InvalidValue(f"{text} names no server to deliver to: use grpc://host:port")
    return uri


def _take_over(directory: Path) -> ShipperLock:
    """Asks the shipper to end, and takes its lock."""
    pid = shipper_pid(directory)
    deadline = time.monotonic() + STEP_DOWN_TIMEOUT_S
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
    while time.monotonic() < deadline:
        lock = ShipperLock.acquire(directory)
        if lock is not None:
            return lock
    raise SpoolError(f"process {pid} ships {directory} and does not end: try again when it has")


def _deliver(
    engine: "_Engine",
    pursuit: Pursuit,
    progress: Callable[[Progress], None] | None,
    deadline: float | None,
) -> DeliveryReport:
    try:
        _follow(pursuit, progress, deadline, lambda: not engine.is_running)
    finally:
        engine.stop()
    pursuit.is_over()
    return pursuit.report()


def _follow(
    pursuit: Pursuit,
    progress: Callable[[Progress], None] | None,
    deadline: float | None,
    is_over: Callable[[], bool],
) -> None:
    told_at = 0.0
    while not is_over():
        now = time.monotonic()
        if deadline is not None and now >= deadline:
            return
        if progress is not None and now - told_at >= PROGRESS_PAUSE_S:
            told_at = now
            pursuit.is_over()
            progress(pursuit.progress())
        time.sleep(POLL_S)


class _Engine:
    """Runs a shipper in a thread of its own, whose event loop is nobody else's business."""

    def __init__(self, directory: Path, override: TrackingUri | None, pursuit: Pursuit) -> None:
        # gRPC is for those who deliver.
        from runstream._ship.shipper import Shipper

        self._shipper = Shipper(directory, override=override, wanted=pursuit.wanted)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: BaseException | None = None
        self._began = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runstream-sync", daemon=True)
        self._thread.start()
        self._began.wait()

    @property
    def is_running(self) -> bool:
        """Whether it is still at work."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ends it, and raises what it raised."""
        if self._loop is not None and self._task is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            asyncio.run(self._deliver())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - raised again by stop()
            self._error = error
        finally:
            self._began.set()

    async def _deliver(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._shipper.run())
        self._began.set()
        await self._task
