"""What `log()` returned from survives `kill -9` of the process, at any moment."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.spool.logging_runs import decoded, offsets_told, values_of

from runstream._spool import SpoolReader, scan

CHILD = Path(__file__).parent / "logging_child.py"


@pytest.mark.parametrize("seed", range(6))
def test_the_rows_are_those_whose_log_returned(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    told = tmp_path / "told"
    with told.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(tmp_path / "spool"), str(rng.choice([3000, 1 << 26]))],
            stdout=output,
        )
    deadline = time.monotonic() + 30
    while told.stat().st_size < 1_000 * (seed + 1):
        assert time.monotonic() < deadline
        assert child.poll() is None
        time.sleep(0.001)
    (living,) = scan(tmp_path / "spool")
    assert living.alive()

    child.send_signal(signal.SIGKILL)
    child.wait()

    returned = told.read_bytes().count(b"\n")
    (spool,) = scan(tmp_path / "spool")
    reader = SpoolReader(spool.folder)
    records = list(reader.read())
    values = values_of(decoded(records), "x")
    assert len(values) in (returned, returned + 1)
    assert values == list(range(len(values)))
    assert offsets_told(records) == list(range(len(values)))
    assert not spool.alive()
    assert reader.finished
