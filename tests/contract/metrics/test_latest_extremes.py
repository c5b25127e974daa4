"""The latest points that runs show: with the extremes of their series, wherever the points lie."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runstream.v1 import metric_service_pb2 as pb, run_pb2, run_service_pb2
from tests.contract.backends import Backend
from tests.contract.metrics.serving import Served, serving

RUN = "ab" * 16


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(backend, tmp_path) as one:
        await one.create_run(RUN)
        yield one


async def log(served: Served, first: int, **values: list[float]) -> None:
    points = [
        pb.MetricPoint(key=key, value=value, step=first + place, time_unix_us=1)
        for key, some in values.items()
        for place, value in enumerate(some)
    ]
    await served.metrics.LogMetrics(pb.LogMetricsRequest(run_id=RUN, points=points))


async def shown(
    served: Served, metric_keys: run_service_pb2.KeySet | None = None
) -> dict[str, str]:
    """Returns latest, min and max by key, as a search shows them."""
    request = run_service_pb2.SearchRunsRequest(metric_keys=metric_keys)
    (run,) = (await served.runs.SearchRuns(request)).runs
    metrics: list[run_pb2.LatestMetric] = list(run.metrics)
    return {one.key: f"{one.value} {one.min} {one.max}" for one in metrics}


async def test_extremes_are_those_of_sealed_points_and_of_those_that_are_not(
    served: Served,
) -> None:
    await log(served, 0, loss=[5.0, -1.0, 3.0], acc=[math.nan], top=[math.nan, math.inf])
    assert await shown(served) == {
        "acc": "nan nan nan",
        "loss": "3.0 -1.0 5.0",
        "top": "inf inf inf",
    }

    await served.maker.seal(RUN)
    await log(served, 3, loss=[4.0, -2.5, 0.0], acc=[0.5], top=[-math.inf])

    assert await shown(served) == {
        "acc": "0.5 0.5 0.5",
        "loss": "0.0 -2.5 5.0",
        "top": "-inf -inf inf",
    }


async def test_only_the_keys_asked_for_are_read(served: Served) -> None:
    await log(served, 0, **{f"m{n}": [float(n)] for n in range(20)})
    keys = run_service_pb2.KeySet(keys=["m3", "m17", "none"])

    for seal in (False, True):
        if seal:
            await served.maker.seal(RUN)
        found = await shown(served, metric_keys=keys)
        assert found == {"m3": "3.0 3.0 3.0", "m17": "17.0 17.0 17.0"}


async def test_logged_metrics_are_listed_as_keys(served: Served) -> None:
    await log(served, 0, loss=[1.0], acc=[1.0])
    request = run_service_pb2.ListKeysRequest(
        kind=run_service_pb2.KEY_KIND_METRIC, experiment_ids=["0"]
    )

    assert list((await served.runs.ListKeys(request)).keys) == ["acc", "loss"]


async def test_a_run_tells_when_its_newest_points_were_committed(served: Served) -> None:
    get = run_service_pb2.GetRunRequest(run_id=RUN, omit_metrics=True)
    assert not (await served.runs.GetRun(get)).run.HasField("last_commit_time")

    await log(served, 0, loss=[1.0])
    first = (await served.runs.GetRun(get)).run
    tags = run_service_pb2.SetTagsRequest(run_id=RUN, tags={"k": "v"})
    await served.runs.SetTags(tags)
    await served.maker.seal(RUN)
    second = (await served.runs.GetRun(get)).run

    assert first.last_commit_time.ToMicroseconds() > first.create_time.ToMicroseconds()
    assert second.last_commit_time == first.last_commit_time
    assert second.update_time.ToMicroseconds() > first.last_commit_time.ToMicroseconds()
