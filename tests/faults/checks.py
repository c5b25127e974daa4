"""What the server holds, compared with what was logged."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import grpc

from runstream.v1 import metric_service_pb2 as pb
from runstream.v1.metric_service_pb2_grpc import MetricServiceStub
from tests.contract.metrics.model import Model, ModelPoint, bits
from tests.faults.writers import row_of

__all__ = ["database", "doubled_rows", "missing_points", "unfinished_blocks"]


def missing_points(channel: grpc.Channel, run_id: str, rows: Mapping[int, int]) -> int:
    """Returns how many points of a run are not in its history, or are there and were not logged.

    Args:
        channel: To the server.
        run_id: The run.
        rows: The number of rows that each rank has logged.
    """
    model = Model()
    for rank, count in rows.items():
        for number in range(count):
            names, step, time, values = row_of(rank, number)
            for name, value in zip(names, values, strict=True):
                model.add(name, [ModelPoint(step, time, value)])
    found: dict[tuple[str, int], list[ModelPoint]] = {}
    for response in MetricServiceStub(channel).GetHistory(pb.GetHistoryRequest(run_id=run_id)):
        for part in response.series:
            points = found.setdefault((part.series.key, part.series.rank), [])
            columns = zip(part.step, part.time_unix_us, part.value, strict=True)
            points.extend(ModelPoint(step, time, bits(value)) for step, time, value in columns)
    wrong = 0
    for name in model.series.keys() | found.keys():
        expected = set(model.series.get(name, ()))
        got = found.get(name, [])
        wrong += len(expected.symmetric_difference(got)) + len(got) - len(set(got))
    return wrong


def database(data_dir: Path) -> sqlite3.Connection:
    """Opens the server's database for looking into it."""
    return sqlite3.connect(f"file:{data_dir / 'runstream.db'}?mode=ro", uri=True)


def doubled_rows(data_dir: Path, run_id: str, rows: int) -> int:
    """Returns how many more rows the log has than were logged.

    Histories cannot tell: a point that is stored twice is one point.
    """
    query = "select coalesce(sum(rows), 0) from log_batches where run_id = ?"
    with database(data_dir) as connection:
        return int(connection.execute(query, (run_id,)).fetchone()[0]) - rows


def unfinished_blocks(data_dir: Path) -> int:
    """Returns how many blocks were being stored when the server died."""
    with database(data_dir) as connection:
        return int(connection.execute("select count(*) from blocks where state = 0").fetchone()[0])
