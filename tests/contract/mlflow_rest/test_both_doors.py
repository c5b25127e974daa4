"""What is logged over MLflow's API is read over gRPC at once and exactly, and vice versa."""

import math
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from runstream.v1 import (
    metric_pb2,
    metric_service_pb2 as pb,
    metric_service_pb2_grpc,
    run_pb2,
    run_service_pb2,
    run_service_pb2_grpc,
)
from tests.contract.mlflow_rest.tracking_client import Api
from tests.support.server import ServerProcess


@pytest.fixture
def api(each_server: ServerProcess) -> Iterator[Api]:
    with Api(each_server) as api:
        yield api


@pytest.fixture
def channel(each_server: ServerProcess) -> Iterator[grpc.Channel]:
    with each_server.channel() as channel:
        yield channel


def histories(channel: grpc.Channel, run_id: str, key: str) -> list[tuple[int, int, float]]:
    """Returns (step, time, value) of the points of a key's series."""
    stub = metric_service_pb2_grpc.MetricServiceStub(channel)
    selector = metric_pb2.SeriesSelector(keys=[key])
    parts = stub.GetHistory(pb.GetHistoryRequest(run_id=run_id, selector=selector), timeout=30)
    return [
        point
        for part in parts
        for series in part.series
        for point in zip(series.step, series.time_unix_us, series.value, strict=True)
    ]


def log(channel: grpc.Channel, run_id: str, *points: pb.MetricPoint) -> None:
    stub = metric_service_pb2_grpc.MetricServiceStub(channel)
    stub.LogMetrics(pb.LogMetricsRequest(run_id=run_id, points=points), timeout=30)


def point(key: str, value: float, step: int, rank: int | None = None) -> pb.MetricPoint:
    return pb.MetricPoint(key=key, value=value, step=step, time_unix_us=1_000, rank=rank)


def test_points_of_mlflow_are_exact_over_grpc(api: Api, channel: grpc.Channel) -> None:
    run_id = api.new_run()
    values: list[Any] = [0.1, -0.0, 5e-324, "Infinity", "-Infinity", "NaN"]
    metrics = [{"key": "m", "value": v, "timestamp": 7, "step": n} for n, v in enumerate(values)]

    api.post("runs/log-batch", run_id=run_id, metrics=metrics)
    found = histories(channel, run_id, "m")

    assert [(step, time) for step, time, _ in found] == [(n, 7_000) for n in range(6)]
    assert [value for _, _, value in found][:5] == [0.1, 0.0, 5e-324, math.inf, -math.inf]
    assert math.copysign(1, found[1][2]) == -1
    assert math.isnan(found[5][2])


def test_points_of_grpc_are_read_by_mlflow_in_whole_milliseconds(
    api: Api, channel: grpc.Channel
) -> None:
    run_id = api.new_run()

    log(channel, run_id, pb.MetricPoint(key="m", value=2.5, step=-3, time_unix_us=1_999))

    assert api.history(run_id, "m") == [(2.5, 1, -3)]
    assert api.data(run_id, "metrics") == {"m": 2.5}


def test_a_plain_key_is_the_series_without_rank(api: Api, channel: grpc.Channel) -> None:
    run_id = api.new_run()

    log(channel, run_id, point("m", 1, 1, rank=0), point("m", 2, 2), point("m", 3, 3, rank=1))

    assert api.history(run_id, "m") == [(2, 1, 2)]
    assert api.data(run_id, "metrics") == {"m": 2}


def test_without_such_a_series_a_plain_key_is_rank_0(api: Api, channel: grpc.Channel) -> None:
    run_id = api.new_run()

    log(channel, run_id, point("m", 3, 3, rank=1), point("m", 1, 1, rank=0))

    assert api.history(run_id, "m") == [(1, 1, 1)]
    assert api.data(run_id, "metrics") == {"m": 1}


def test_a_run_that_mlflow_ended_has_ended_over_grpc(api: Api, channel: grpc.Channel) -> None:
    run_id = api.new_run(start_time=5)
    stub = run_service_pb2_grpc.RunServiceStub(channel)

    api.post("runs/update", run_id=run_id, status="KILLED", end_time=1_234)
    run = stub.GetRun(run_service_pb2.GetRunRequest(run_id=run_id), timeout=30).run

    assert run.status == run_pb2.RUN_STATUS_KILLED
    assert run.start_time.ToMicroseconds() == 5_000
    assert run.end_time.ToMicroseconds() == 1_234_000


def test_a_run_that_goes_on_has_no_end_over_grpc(api: Api, channel: grpc.Channel) -> None:
    run_id = api.new_run()
    stub = run_service_pb2_grpc.RunServiceStub(channel)
    api.post("runs/update", run_id=run_id, status="FINISHED", end_time=1_234)

    api.post("runs/update", run_id=run_id, status="RUNNING")
    run = stub.GetRun(run_service_pb2.GetRunRequest(run_id=run_id), timeout=30).run

    assert run.status == run_pb2.RUN_STATUS_RUNNING
    assert not run.HasField("end_time")
    assert "end_time" not in api.run(run_id)["info"]


def test_searches_of_mlflow_compare_what_grpc_logged(api: Api, channel: grpc.Channel) -> None:
    experiment_id = api.new_experiment()
    runs = [api.new_run(experiment_id, run_name=f"r{n}", start_time=n) for n in range(3)]
    for number, run_id in enumerate(runs):
        log(channel, run_id, point("m", number, 1))

    assert api.names(experiment_id, filter="metrics.m > 0", order_by=["metrics.m"]) == ["r1", "r2"]
    assert api.names(experiment_id, filter="metrics.absent > 0") == []
    log(channel, runs[0], point("m", 9, 2))
    assert api.names(experiment_id, filter="metrics.m > 1") == ["r2", "r0"]
