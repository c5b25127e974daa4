"""The shipper as a program: `python -m runstream._ship DIRECTORY`."""

import argparse
import asyncio
import contextlib
import logging
import os
import resource
import signal
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from runstream._ship.election import ShipperLock
from runstream._ship.launch import LOG_NAME, command
from runstream._ship.shipper import LINGER_S, Shipper
from runstream._spool import scan
from runstream.errors import SpoolError

MAX_LOG_BYTES: Final = 1024 * 1024
"""The log and the one before it: no more than twice this is kept."""

logger: Final = logging.getLogger("runstream.shipper")


def main(arguments: list[str] | None = None) -> int:
    """Ships a spool until all is delivered and no writer lives."""
    parser = argparse.ArgumentParser(prog="python -m runstream._ship", description=main.__doc__)
    parser.add_argument("directory", type=Path, help="the spool")
    parser.add_argument("--linger-s", type=float, default=LINGER_S, help="wait for another run")
    options = parser.parse_args(arguments)
    directory: Path = options.directory.absolute()
    try:
        lock = ShipperLock.acquire(directory)
    except (OSError, SpoolError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if lock is None:
        return 0  # another one is at work
    _log_to(directory)
    _raise_file_limit()
    known = asyncio.run(_serve(Shipper(directory, linger_s=options.linger_s)))
    lock.release()
    # A writer that began before the release has seen the lock, and started no shipper.
    if known is not None and any(
        spool.writer_id not in known and not spool.acked().finished for spool in scan(directory)
    ):
        os.execv(sys.executable, command(directory))  # noqa: S606 - this very program
    return 0


async def _serve(shipper: Shipper) -> set[str] | None:
    """Runs a shipper; returns the writers it knew, or None when it was told to stop."""
    task = asyncio.create_task(shipper.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    logger.info("began pid=%d", os.getpid())
    try:
        await task
    except asyncio.CancelledError:
        logger.info("stopped pid=%d", os.getpid())
        return None
    logger.info("done pid=%d", os.getpid())
    return shipper.known


def _log_to(directory: Path) -> None:
    handler = RotatingFileHandler(
        directory / LOG_NAME, maxBytes=MAX_LOG_BYTES, backupCount=1, delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _raise_file_limit() -> None:
    """Lets thousands of spools be open at once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main())
