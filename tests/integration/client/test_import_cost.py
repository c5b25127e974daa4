import os
import statistics
import subprocess
import sys
import time

import pytest
from tests.support.telling import Tell

TIMES = 20
LIMIT_MS = 50.0


@pytest.mark.slow
def test_importing_runstream_takes_at_most_50_ms(tell: Tell) -> None:
    """Judges by processor time, because what else the machine does is in every other figure."""
    costs = [cost_ms("import runstream") for _ in range(TIMES)]
    without = [cost_ms("pass") for _ in range(TIMES)]

    cpu_ms, wall_ms = (
        statistics.median(each) - statistics.median(base)
        for each, base in zip(zip(*costs, strict=True), zip(*without, strict=True), strict=True)
    )

    tell(
        f"import runstream: {cpu_ms:.1f} ms of processor time and {wall_ms:.1f} ms by the clock, "
        f"over `python -c pass`, medians of {TIMES}"
    )
    assert cpu_ms <= LIMIT_MS


def cost_ms(statement: str) -> tuple[float, float]:
    """Returns the processor time and the time by the clock of a Python process."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", statement])
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - begin) * 1e3
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return (usage.ru_utime + usage.ru_stime) * 1e3, wall_ms
