"""Tests that are killed leave nothing running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import wait_until

FOLDER = Path(__file__).parents[2]
# A thread that has ended must not take along what it started.
PROGRAM = """
import sys, threading, time
from tests.support.postgres import PostgresProcess
from tests.support.s3 import running_s3

def start():
    if sys.argv[1] == "postgres":
        kept.append(process := PostgresProcess())
        process.start()
    else:
        kept.append(server := running_s3())
        server.__enter__()

kept = []
thread = threading.Thread(target=start)
thread.start()
thread.join()
time.sleep(0.5)
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("service", ["postgres", "weed"])
def test_a_service_ends_with_the_process_that_started_it_and_not_with_its_thread(
    service: str,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, service], cwd=FOLDER, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        [pid] = _children(process.pid, service)
    finally:
        process.kill()
        process.communicate()

    wait_until(lambda: not _runs(pid), 30, f"the end of {service}")


def _children(parent: int, name: str) -> list[int]:
    """Returns the processes of a program that a process has started."""
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in found if _stat(pid)[:1] + _stat(pid)[2:3] == [name, str(parent)]]


def _runs(pid: int) -> bool:
    return _stat(pid)[1:2] not in ([], ["Z"])


def _stat(pid: int) -> list[str]:
    """Returns a process's name, state, parent and more; nothing when it is gone."""
    try:
        _, _, text = Path(f"/proc/{pid}/stat").read_text().partition("(")
    except OSError:
        return []
    name, _, rest = text.rpartition(")")
    return [name, *rest.split()]
