"""Large files pass through the server without staying in its memory.

What could pile up does so before the store, whichever it is.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.mlflow_rest.artifact_client import ROOT, ArtifactClient
from tests.support.server import ServerProcess

MIB = 1 << 20
SIZE_MIB = 300
ROOM_MIB = 64


def resident_mib(server: ServerProcess, field: str) -> float:
    status = Path(f"/proc/{server.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) / 1024


def pieces() -> Iterator[bytes]:
    for number in range(SIZE_MIB):
        yield bytes([number % 251]) * MIB


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_file(server: ServerProcess) -> None:
    with ArtifactClient(server) as files:
        files.put("warm", b"x" * (8 * MIB))
        files.get("warm")
        before = resident_mib(server, "VmRSS")

        assert files.send("PUT", f"{ROOT}/large", pieces()).status == 200
        after_put = resident_mib(server, "VmHWM")
        received = files.get("large").data

    assert after_put - before < ROOM_MIB
    assert resident_mib(server, "VmHWM") - before < ROOM_MIB
    assert len(received) == SIZE_MIB * MIB
    assert all(
        received[number * MIB : (number + 1) * MIB] == piece
        for number, piece in enumerate(pieces())
    )
