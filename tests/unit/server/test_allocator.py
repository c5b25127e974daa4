"""Memory that is kept for the next buffers."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from runstream_server.allocator import keep_buffers

if {kept}:
    keep_buffers()
for _ in range(30):
    buffers = [bytearray(1 << 20) for _ in range(8)]
    del buffers
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def page_faults(*, kept: bool) -> int:
    command = [sys.executable, "-c", PROGRAM.format(kept=kept)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left alone")
@pytest.mark.skipif(any(k.startswith("MALLOC_") for k in os.environ), reason="malloc is tuned")
def test_buffers_that_were_freed_are_used_again() -> None:
    assert page_faults(kept=True) < page_faults(kept=False) / 3
