"""What the real server holds of a run, compared with what was logged."""

from __future__ import annotations

import signal
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from os import kill
from pathlib import Path

from tests.support.server import ServerProcess, wait_until

from runstream._ship.election import shipper_pid
from runstream._spool import SpoolWriter
from runstream.v1 import (
    metric_pb2,
    metric_service_pb2 as metric_pb,
    run_pb2,
    run_service_pb2 as run_pb,
)
from runstream.v1.metric_service_pb2_grpc import MetricServiceStub
from runstream.v1.run_service_pb2_grpc import RunServiceStub

__all__ = ["get_run", "get_writer", "histories", "kill_shipper", "numbered", "shipped_spool"]

TIMEOUT_S = 30.0


@contextmanager
def shipped_spool(directory: Path) -> Generator[Path]:
    """A spool whose shipper ends with the block."""
    try:
        yield directory
    finally:
        kill_shipper(directory, signal.SIGTERM)


def kill_shipper(directory: Path, number: signal.Signals = signal.SIGKILL) -> bool:
    """Ends the shipper of a spool and waits until it is gone; returns whether there was one."""
    pid = shipper_pid(directory)
    if pid is None:
        return False
    kill(pid, number)
    wait_until(lambda: shipper_pid(directory) != pid)
    return True


def get_run(server: ServerProcess, run_id: str) -> run_pb2.Run:
    """Returns a run with everything but its histories."""
    with server.channel() as channel:
        request = run_pb.GetRunRequest(run_id=run_id)
        return RunServiceStub(channel).GetRun(request, timeout=TIMEOUT_S).run


def get_writer(server: ServerProcess, writer: SpoolWriter) -> run_pb2.Writer:
    """Returns what the server knows of a writer."""
    with server.channel() as channel:
        request = run_pb.ListWritersRequest(run_id=writer.run_id, page_size=1000)
        answer = RunServiceStub(channel).ListWriters(request, timeout=TIMEOUT_S)
    (found,) = [one for one in answer.writers if one.writer_id == writer.writer_id]
    return found


def histories(
    server: ServerProcess, run_id: str, ranks: Sequence[int] = ()
) -> dict[str, list[tuple[int, float]]]:
    """Returns the steps and values of each metric of a run, of all ranks if none are given."""
    found: dict[str, list[tuple[int, float]]] = {}
    request = metric_pb.GetHistoryRequest(
        run_id=run_id, selector=metric_pb2.SeriesSelector(ranks=ranks)
    )
    with server.channel(max_receive_message_length=-1) as channel:
        for answer in MetricServiceStub(channel).GetHistory(request, timeout=TIMEOUT_S):
            for part in answer.series:
                points = zip(part.step, part.value, strict=True)
                found.setdefault(part.series.key, []).extend(points)
    return found


def numbered(count: int, first: int = 0) -> dict[str, list[tuple[int, float]]]:
    """Returns the histories of what `log_numbered` logs."""
    steps = range(first, first + count)
    return {
        "half": [(step, step / 2) for step in steps],
        "loss": [(step, float(step)) for step in steps],
    }
