"""Starts a shipper, unless one is at work. Needs no gRPC."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import runstream
from runstream._ship.election import LOCK_NAME, is_shipper_alive
from runstream._tracking_uri import TrackingUri

__all__ = ["LOG_NAME", "command", "ensure_shipper", "start_shipper"]

LOG_NAME: Final = "shipper.log"
_SITE_FOLDERS: Final = ("site-packages", "dist-packages")

START_GRACE_S: Final = 30.0
"""A shipper that has not taken the lock after so long is not waited for."""

_started: dict[int, tuple[Path, int]] = {}
"""The shippers that this process started: their spools, and when, in ns since the epoch."""


def ensure_shipper(spool_dir: str | os.PathLike[str], tracking_uri: str) -> bool:
    """Starts the spool's shipper if there is none. Takes about 20 µs when there is one.

    To be called after the writer's first segment exists: a shipper that is about to end looks for
    writers once more after it has given up its lock.

    Args:
        spool_dir: The spool.
        tracking_uri: The writer's server; nothing is started for `file:DIR`.

    Returns:
        Whether one was started.

    Raises:
        InvalidValue: if the URI is none.
        SpoolError: if the spool lies on a file system without locks.
        OSError: if no process can be started.
    """
    if TrackingUri.parse(tracking_uri).folder is not None:
        return False
    return start_shipper(Path(spool_dir))


def start_shipper(directory: Path) -> bool:
    """Starts the spool's shipper if there is none; returns whether it did."""
    _reap()
    if is_shipper_alive(directory) or _is_on_its_way(directory):
        return False
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(
        directory / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
    )
    try:
        process = subprocess.Popen(
            command(directory),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    finally:
        os.close(log)
    # It outlives this process on purpose; without this, subprocess would complain of that.
    process.returncode = 0
    _started[process.pid] = (directory, time.time_ns())
    return True


def command(directory: Path) -> list[str]:
    """Returns the command line of the shipper of a spool."""
    # -P: what lies in the current folder is not for the shipper to import.
    return [sys.executable, "-P", "-m", "runstream._ship", str(directory.absolute())]


def _environment() -> dict[str, str]:
    """Lets the shipper find this package where only this process's own path led to it."""
    environment = dict(os.environ)
    home = Path(runstream.__file__).parent.parent
    if home.name not in _SITE_FOLDERS:
        paths = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        environment["PYTHONPATH"] = os.pathsep.join([*paths, str(home)])
    return environment


def _is_on_its_way(directory: Path) -> bool:
    """Tells whether a shipper that this process started is yet to take the lock.

    One that has taken it and given it up may still live for a moment, but ships nothing any more.
    """
    since_ns = time.time_ns() - int(START_GRACE_S * 1e9)
    with contextlib.suppress(FileNotFoundError):
        since_ns = max(since_ns, (directory / LOCK_NAME).stat().st_mtime_ns)
    return any(each == directory and at_ns > since_ns for each, at_ns in _started.values())


def _reap() -> None:
    """Clears away shippers that this process started and that have ended."""
    for pid in list(_started):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        del _started[pid]
