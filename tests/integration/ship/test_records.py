"""Operations reach the server in order, each until it is answered, past those that are refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import cast

import grpc
import pytest
from google.protobuf.message import Message
from tests.integration.ship.fake_server import FakeServer, Refused
from tests.integration.ship.spools import log_numbered, new_writer, ship

from runstream._ship.requests import MalformedOperation, call_of
from runstream._spool import Operation, SpoolWriter, WriterIdentity
from runstream.v1 import artifact_service_pb2 as artifact_pb, run_pb2, run_service_pb2 as pb

WHO = WriterIdentity(run_id="a" * 32, writer_id="b" * 32, experiment="ships")
RECORD = run_pb2.RecordId(writer_id="b" * 32, number=3)


def built(payload: dict[str, object], who: WriterIdentity = WHO) -> tuple[str, Message]:
    return call_of(Operation(number=3, payload=payload, rows_before=0), who)


def refusals(spool: Path, writer: SpoolWriter) -> dict[str, str]:
    folder = spool / "rejected" / writer.run_id / writer.writer_id
    documents = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    return {name: document["reason"] for name, document in documents.items()}


def test_create_run_names_the_experiment_of_the_spool() -> None:
    name, request = built({"op": "create_run", "name": "x", "start_time_us": 1_500_000})

    assert name == "CreateRun"
    expected = pb.CreateRunRequest(
        run_id="a" * 32, experiment_name="ships", name="x", record=RECORD
    )
    expected.start_time.FromMicroseconds(1_500_000)
    assert request == expected


def test_create_run_without_an_experiment_goes_to_the_default_one() -> None:
    _, request = built({"op": "create_run"}, WriterIdentity(run_id="a" * 32, writer_id="b" * 32))

    assert cast("pb.CreateRunRequest", request).experiment_id == "0"


def test_every_operation_becomes_its_call() -> None:
    run = "a" * 32
    assert built({"op": "resume_run"}) == (
        "ResumeRun",
        pb.ResumeRunRequest(run_id=run, record=RECORD),
    )
    assert built({"op": "log_params", "params": {"lr": "0.1"}}) == (
        "LogParams",
        pb.LogParamsRequest(run_id=run, params={"lr": "0.1"}, record=RECORD),
    )
    assert built({"op": "set_tags", "tags": {"a": "b"}}) == (
        "SetTags",
        pb.SetTagsRequest(run_id=run, tags={"a": "b"}, record=RECORD),
    )
    assert built({"op": "delete_tags", "keys": ["a"]}) == (
        "DeleteTags",
        pb.DeleteTagsRequest(run_id=run, keys=["a"], record=RECORD),
    )
    assert built({"op": "finish_writer", "status": "FAILED", "status_message": "oh"}) == (
        "FinishWriter",
        pb.FinishWriterRequest(
            run_id=run,
            writer_id="b" * 32,
            status=run_pb2.RUN_STATUS_FAILED,
            status_message="oh",
            record=RECORD,
        ),
    )
    name, request = built({"op": "finish_run", "status": "KILLED", "end_time_us": 5})
    assert name == "FinishRun"
    assert cast("pb.FinishRunRequest", request).status == run_pb2.RUN_STATUS_KILLED
    assert cast("pb.FinishRunRequest", request).end_time.ToMicroseconds() == 5


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"op": 7},
        {"op": "dance"},
        {"op": "log_params", "params": {"lr": 0.1}},
        {"op": "log_params", "params": ["lr"]},
        {"op": "finish_run", "status": "DANCING"},
        {"op": "create_run", "start_time_us": "noon"},
        {"op": "delete_tags", "keys": 5},
    ],
)
def test_what_is_no_operation_is_said_to_be_malformed(payload: dict[str, object]) -> None:
    with pytest.raises(MalformedOperation):
        built(payload)


async def test_operations_arrive_in_order_with_their_numbers(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    for number in range(20):
        writer.operation({"op": "log_params", "params": {f"p{number}": "v"}})
    writer.close()

    await ship(spool)

    logged = [call for call in fake.calls if isinstance(call, pb.LogParamsRequest)]
    assert [call.record.number for call in logged] == list(range(1, 21))
    assert [next(iter(call.params)) for call in logged] == [f"p{n}" for n in range(20)]


async def test_an_operation_is_repeated_until_it_is_answered(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    writer.close()
    failures = [
        Refused(grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
        Refused(grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING"),
        Refused(grpc.StatusCode.DEADLINE_EXCEEDED, ""),
        Refused(grpc.StatusCode.NOT_FOUND, ""),
        Refused(grpc.StatusCode.INTERNAL, "INTERNAL"),
    ]

    async def fail(_: Message) -> None:
        if failures:
            raise failures.pop()

    fake.on_call = fail

    await ship(spool)

    assert fake.events == ["CreateRunRequest"]
    assert refusals(spool, writer) == {}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "VALUE_TOO_LONG"),
        (grpc.StatusCode.ALREADY_EXISTS, "PARAM_CONFLICT"),
        (grpc.StatusCode.NOT_FOUND, "TAG_NOT_FOUND"),
    ],
)
async def test_what_is_refused_for_good_is_put_aside_and_passed_over(
    fake: FakeServer, spool: Path, code: grpc.StatusCode, reason: str
) -> None:
    writer = new_writer(spool, fake.uri)
    writer.operation({"op": "log_params", "params": {"lr": "0.1"}})
    writer.operation({"op": "set_tags", "tags": {"a": "b"}})
    writer.close()

    async def refuse_params(request: Message) -> None:
        if isinstance(request, pb.LogParamsRequest):
            raise Refused(code, reason, "lr is 0.2 already")

    fake.on_call = refuse_params

    await ship(spool)

    assert fake.events == ["CreateRunRequest", "SetTagsRequest"]
    assert refusals(spool, writer) == {"operation-000000000001": f"{reason}: lr is 0.2 already"}


async def test_a_malformed_operation_is_put_aside(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    writer.operation({"op": "dance"})
    writer.operation({"op": "set_tags", "tags": {"a": "b"}})
    writer.close()

    await ship(spool)

    assert fake.events == ["CreateRunRequest", "SetTagsRequest"]
    assert list(refusals(spool, writer)) == ["operation-000000000001"]


async def test_a_run_that_is_continued_may_lie_in_another_experiment(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri, create=False)
    writer.operation({"op": "create_run", "existing": True})
    log_numbered(writer, 5)
    writer.close()

    async def exists(request: Message) -> None:
        if isinstance(request, pb.CreateRunRequest):
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "RUN_EXISTS")

    fake.on_call = exists

    await ship(spool)

    assert fake.events == ["rows 5"]
    assert refusals(spool, writer) == {}


async def test_the_end_comes_after_all_rows_records_and_artifacts(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 20_000)
    writer.artifact(b"x" * 3_000_000, "model.bin")
    writer.operation({"op": "log_params", "params": {"lr": "0.1"}})
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()

    async def slow_rows(*_: object) -> None:
        await asyncio.sleep(0.2)

    async def slow_files(request: Message) -> None:
        if isinstance(request, artifact_pb.UploadArtifactRequest):
            await asyncio.sleep(0.2)

    fake.on_batch = slow_rows
    fake.on_call = slow_files

    await ship(spool)

    assert fake.events[-1] == "FinishRunRequest"
    assert {"rows 20000", "file model.bin", "LogParamsRequest"} < set(fake.events)


async def test_rows_do_not_wait_for_artifacts(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    writer.artifact(b"x" * 1000, "model.bin")
    log_numbered(writer, 100)
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()
    rows_arrived = asyncio.Event()

    async def note_rows(*_: object) -> None:
        rows_arrived.set()

    async def hold_files(request: Message) -> None:
        if isinstance(request, artifact_pb.UploadArtifactRequest):
            await rows_arrived.wait()

    fake.on_batch = note_rows
    fake.on_call = hold_files

    await ship(spool)

    assert fake.events == [
        "CreateRunRequest",
        "rows 100",
        "file model.bin",
        "FinishRunRequest",
    ]


async def test_hundreds_of_operations_hold_nothing_up(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    for number in range(600):
        writer.operation({"op": "set_tags", "tags": {"n": str(number)}})
    log_numbered(writer, 10)
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()

    await ship(spool)

    assert fake.events.count("SetTagsRequest") == 600
    assert fake.events[-1] == "FinishRunRequest"
