"""Searches see what was logged and acknowledged, sealed or not."""

import math
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from runstream.v1 import metric_service_pb2, run_service_pb2 as pb
from tests.contract.backends import Backend
from tests.contract.metrics.serving import Served, serving
from tests.contract.tracking.serving import hex_id


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncGenerator[Served]:
    """A whole server."""
    async with serving(backend, tmp_path) as whole:
        yield whole


async def log(
    served: Served, number: int, key: str, *values: float, rank: int | None = None, step: int = 0
) -> None:
    """Logs values at a step and those that follow."""
    points = [
        metric_service_pb2.MetricPoint(key=key, value=value, step=step + place, rank=rank)
        for place, value in enumerate(values)
    ]
    request = metric_service_pb2.LogMetricsRequest(run_id=hex_id(number), points=points)
    await served.metrics.LogMetrics(request)


async def found(served: Served, filter_: str = "", *order_by: str) -> list[int]:
    request = pb.SearchRunsRequest(filter=filter_, order_by=[*order_by, "run_id"])
    runs = (await served.runs.SearchRuns(request)).runs
    return [int(run.run_id, 16) for run in runs]


async def test_a_search_sees_what_was_logged_before_it(served: Served) -> None:
    for number in (1, 2, 3):
        await served.create_run(hex_id(number))
    await log(served, 1, "loss", 0.9, 0.1)
    await log(served, 2, "loss", 0.1, 0.9)

    assert await found(served, "metrics.loss < 0.5") == [1]
    await log(served, 2, "loss", 0.2, step=5)
    assert await found(served, "metrics.loss < 0.5") == [1, 2]
    await log(served, 2, "loss", 0.7, step=1)  # late, so not the latest
    assert await found(served, "metrics.loss = 0.2") == [2]
    assert await found(served, "", "metrics.loss DESC") == [2, 1, 3]


async def test_latest_points_are_found_as_they_are_shown(served: Served) -> None:
    for number in (1, 2, 3):
        await served.create_run(hex_id(number))
    await log(served, 1, "m", 1.0, rank=3)
    await log(served, 1, "m", 2.0, rank=1)
    await log(served, 2, "m", 3.0, rank=0)
    await log(served, 2, "m", math.nan)
    await log(served, 3, "other", -math.inf)

    runs = (await served.runs.SearchRuns(pb.SearchRunsRequest(order_by=["run_id"]))).runs
    shown = [[(m.key, m.value, m.HasField("rank")) for m in run.metrics] for run in runs]

    assert shown[0] == [("m", 2.0, True)]
    assert math.isnan(shown[1][0][1])
    assert shown[2] == [("other", -math.inf, False)]
    assert await found(served, "metrics.m = 2") == [1]
    assert await found(served, "metrics.m != 7") == [1, 2]
    assert await found(served, "", "metrics.m") == [1, 2, 3]
    assert await found(served, "metrics.m IS NULL") == [3]
