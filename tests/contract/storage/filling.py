"""Fills a server with something of everything that a server stores."""

import asyncio
import math
import random
import struct
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from runstream import Client
from runstream.v1 import (
    experiment_service_pb2 as experiment_pb,
    experiment_service_pb2_grpc,
    input_pb2,
    logged_model_pb2,
    logged_model_service_pb2 as model_pb,
    logged_model_service_pb2_grpc,
    metric_service_pb2 as metric_pb,
    metric_service_pb2_grpc,
    run_pb2,
    run_service_pb2 as pb,
    run_service_pb2_grpc,
)
from tests.contract.metrics.streams import Row, StreamClient

__all__ = [
    "DATA",
    "RANKS",
    "ROWS",
    "STREAMED",
    "TAIL_ROWS",
    "fill",
    "fill_tail",
    "rows_of",
    "stream",
]

TIME_US: Final = 1_700_000_000_000_000
INT64: Final = (1 << 63) - 1
RANKS: Final = 3
ROWS: Final = 4500
"""Of each rank: more than a chunk holds."""
TAIL_ROWS: Final = 25
DATA: Final = bytes(range(256)) * 300
NANS: Final = (0x7FF8_0000_0000_BEEF, 0xFFF8_0000_0000_0001)
NUMBERS: Final = (math.inf, -math.inf, -0.0, 0.0, 5e-324, -1e308, 0.1)


def bits(value: float) -> int:
    """Returns the 64 bits of a value."""
    found: int = struct.unpack("<Q", struct.pack("<d", value))[0]
    return found


SPECIAL: Final = (*NANS, *map(bits, NUMBERS))


def numbered(number: int) -> str:
    """Returns a number as the id of a run or a writer."""
    return f"{number:032x}"


STREAMED, ODD, ENDED, DELETED, EMPTY, ELSEWHERE, UNSEALED = map(numbered, range(1, 8))
MODEL: Final = f"m-{numbered(9)}"


def writer_of(run_id: str, rank: int) -> str:
    """Returns the id of a run's writer."""
    return numbered(int(run_id, 16) << 8 | rank)


def rows_of(rank: int, first: int, count: int) -> list[Row]:
    """Returns rows of a rank: two layouts, all kinds of values, steps that also go back."""
    made: list[Row] = []
    for number in range(first, first + count):
        chance = random.Random(rank << 40 | number)
        keys = ("loss", "acc", "grad/norm") if number % 7 else ("loss", "late é 🦒")
        step = number if number % 50 else number // 2
        values = [
            chance.choice(SPECIAL)
            if chance.random() < 0.05
            else bits(chance.choice((0.25, 0.5)) * number)
            for _ in keys
        ]
        made.append((tuple((key, rank) for key in keys), step, TIME_US + number, values))
    return made


async def stream(address: str, run_id: str, first: int, count: int) -> None:
    """Sends rows of all ranks to a run, each rank's in batches of its own writer."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = metric_service_pb2_grpc.MetricServiceStub(channel)
        for rank in range(RANKS):
            client = StreamClient(run_id, writer_of(run_id, rank), rank)
            opened = await client.open(stub)
            assert opened.next_row == first, (opened, first)
            for begin in range(first, first + count, 100):
                some = min(100, first + count - begin)
                await client.send(stub, rows_of(rank, begin, some), inline=begin % 300 == 0)
            await client.close()


def fill(channel: grpc.Channel, address: str) -> None:
    """Stores what is sealed before the store is kept."""
    experiments = experiment_service_pb2_grpc.ExperimentServiceStub(channel)
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    metrics = metric_service_pb2_grpc.MetricServiceStub(channel)
    vision = experiments.CreateExperiment(
        experiment_pb.CreateExperimentRequest(name="vision/ß 🦒", tags={"team": "a"})
    ).experiment.experiment_id
    gone = experiments.CreateExperiment(
        experiment_pb.CreateExperimentRequest(name="gone", artifact_location="s3://bucket/gone")
    ).experiment.experiment_id
    create_runs(runs, vision, gone)
    asyncio.run(stream(address, STREAMED, 0, ROWS))
    log_odd_points(metrics, ODD, DELETED)
    asyncio.run(skip_rows(address))
    fill_models(channel, vision)
    end_runs(runs)
    experiments.DeleteExperiment(experiment_pb.DeleteExperimentRequest(experiment_id=gone))
    with Client(f"grpc://{address}") as client:
        client.upload_artifact(ENDED, "model/weights é.bin", DATA)
        client.upload_artifact(ENDED, "notes.txt", b"")
        client.upload_artifact(model_id=MODEL, path="weights.bin", source=DATA[::-1])


def fill_tail(channel: grpc.Channel, address: str) -> None:
    """Stores what is not sealed when the store is kept: the rest of a run, and a run of its own."""
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    runs.CreateRun(pb.CreateRunRequest(run_id=UNSEALED, experiment_id="0", name="unsealed"))
    asyncio.run(stream(address, STREAMED, ROWS, TAIL_ROWS))
    asyncio.run(stream(address, UNSEALED, 0, TAIL_ROWS))
    log_odd_points(metric_service_pb2_grpc.MetricServiceStub(channel), UNSEALED)


def create_runs(runs: Any, vision: str, gone: str) -> None:  # noqa: ANN401 - a stub
    """Creates all runs, with params and tags."""
    start = Timestamp(seconds=1_700_000_000, nanos=123_456_000)
    given: list[tuple[str, str, dict[str, Any]]] = [
        (STREAMED, vision, {"name": "streamed", "start_time": start, "user": "ada"}),
        (ODD, "0", {"name": "odd", "parent_run_id": STREAMED}),
        (ENDED, vision, {"name": "ended", "tags": {"mlflow.source.git.commit": "abc", "k": "é"}}),
        (DELETED, "0", {"name": "deleted"}),
        (EMPTY, "0", {"name": "empty", "status": run_pb2.RUN_STATUS_SCHEDULED}),
        (ELSEWHERE, gone, {"name": "elsewhere"}),
    ]
    for run_id, experiment_id, fields in given:
        runs.CreateRun(pb.CreateRunRequest(run_id=run_id, experiment_id=experiment_id, **fields))
    params = {"lr": "0.1", "text": "v" * 6000, "ключ": "🦒" * 50, "empty": ""}
    runs.LogParams(pb.LogParamsRequest(run_id=ENDED, params=params))
    record = run_pb2.RecordId(writer_id=writer_of(STREAMED, 0), number=4)
    runs.SetTags(pb.SetTagsRequest(run_id=STREAMED, tags={"stage": "one"}, record=record))


def log_odd_points(metrics: Any, *run_ids: str) -> None:  # noqa: ANN401 - a stub
    """Logs points without a stream: extremes, repeats, and steps out of order."""
    point = metric_pb.MetricPoint
    points = [
        point(key="edge", value=value, step=step, time_unix_us=TIME_US + step % 3)
        for step in (INT64, -INT64 - 1, 0, 5, 5, -1)
        for value in (1.5, math.nan, -0.0)
    ]
    points += [point(key="one", value=0.1, step=7, time_unix_us=TIME_US, rank=2)] * 2
    points += [point(key=f"many/{n}", value=n, time_unix_us=TIME_US) for n in range(12)]
    for run_id in run_ids:
        metrics.LogMetrics(metric_pb.LogMetricsRequest(run_id=run_id, points=points))


async def skip_rows(address: str) -> None:
    """Lets a writer give rows up."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = metric_service_pb2_grpc.MetricServiceStub(channel)
        client = StreamClient(ODD, writer_of(ODD, 0), 0)
        await client.send(stub, rows_of(0, 0, 3))
        skip = metric_pb.SkipRows(first_row=3, count=4, reason="the disk lost them")
        await client.call.write(metric_pb.StreamMetricsRequest(skip=skip))
        while (await client.read()).ack.committed_rows < 7:
            pass
        client.next_row = 7
        await client.send(stub, rows_of(0, 7, 2))
        await client.close()


def fill_models(channel: grpc.Channel, experiment_id: str) -> None:
    """Stores datasets, and a logged model with points and a file."""
    models = logged_model_service_pb2_grpc.LoggedModelServiceStub(channel)
    runs = run_service_pb2_grpc.RunServiceStub(channel)
    metrics = metric_service_pb2_grpc.MetricServiceStub(channel)
    models.CreateLoggedModel(
        model_pb.CreateLoggedModelRequest(
            model_id=MODEL, experiment_id=experiment_id, name="net é", source_run_id=ENDED,
            params={"depth": "3"}, tags={"team": "a"}, model_type="Agent",
        )
    )  # fmt: skip
    ready = logged_model_pb2.LOGGED_MODEL_STATUS_READY
    models.FinalizeLoggedModel(model_pb.FinalizeLoggedModelRequest(model_id=MODEL, status=ready))
    dataset = input_pb2.Dataset(name="digits", digest="d1", source_type="local", source="{}")
    inputs = [input_pb2.DatasetInput(dataset=dataset, tags={"mlflow.data.context": "train"})]
    runs.LogInputs(pb.LogInputsRequest(run_id=ENDED, datasets=inputs))
    outputs = [input_pb2.ModelOutput(model_id=MODEL, step=3)]
    runs.LogOutputs(pb.LogOutputsRequest(run_id=ENDED, models=outputs))
    about: Any = {"model_id": MODEL, "dataset_name": "digits", "dataset_digest": "d1"}
    points = [
        metric_pb.MetricPoint(key="f1", value=value, step=1, time_unix_us=TIME_US, **about)
        for value in (0.5, math.nan, -0.0)
    ]
    metrics.LogMetrics(metric_pb.LogMetricsRequest(run_id=ENDED, points=points))


def end_runs(runs: Any) -> None:  # noqa: ANN401 - a stub
    """Lets runs and writers end in different ways."""
    end = Timestamp(seconds=1_700_000_100)
    finished, failed = run_pb2.RUN_STATUS_FINISHED, run_pb2.RUN_STATUS_FAILED
    runs.FinishRun(pb.FinishRunRequest(run_id=ENDED, status=finished, end_time=end))
    runs.FinishWriter(
        pb.FinishWriterRequest(
            run_id=ODD, writer_id=writer_of(ODD, 0), status=failed, status_message="out of memory"
        )
    )
    runs.FinishRun(pb.FinishRunRequest(run_id=ODD, status=failed))
    runs.DeleteRun(pb.DeleteRunRequest(run_id=DELETED))
