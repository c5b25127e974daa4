"""What a gRPC client gets, and what the log and the metrics show, whatever a handler does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace

import grpc
import grpc.aio
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from tests.support.calls import error_info, retry_delay_s
from tests.support.scripted_service import MAX_MESSAGE_BYTES, SERVICE, Door, open_door

KINDS = ["unary_unary", "unary_stream", "stream_unary", "stream_stream", "writing_stream"]
STREAMING_ANSWERS = ["unary_stream", "stream_stream", "writing_stream"]
TIMEOUT_S = 10

pytestmark = pytest.mark.usefixtures("debug_log")


@pytest.fixture
def debug_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "runstream_server")


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


async def run(door: Door, kind: str, *scripts: str) -> list[str]:
    """Calls a handler with scripts and returns its answers."""
    return [answer async for answer in answers(door, kind, *scripts)]


async def answers(door: Door, kind: str, *scripts: str) -> AsyncIterator[str]:
    requests = [StringValue(value=script) for script in scripts]
    if kind.startswith("unary"):
        requests = [StringValue(value=",".join(scripts))]
    argument = requests[0] if kind.startswith("unary") else requests
    call = door.call(kind)(argument, timeout=TIMEOUT_S)
    if kind.endswith("_unary"):
        yield (await call).value
        return
    async for answer in call:
        yield answer.value


async def failure_of(door: Door, kind: str, *scripts: str) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await run(door, kind, *scripts)
    return caught.value


async def rpc_line(caplog: pytest.LogCaptureFixture) -> SimpleNamespace:
    """Returns the log record of the only RPC; the client may be answered before it is written."""
    async with asyncio.timeout(TIMEOUT_S):
        while "rpc" not in caplog.messages:  # noqa: ASYNC110 - a log has no event to wait for
            await asyncio.sleep(0.005)
    (line,) = [each for each in caplog.records if each.message == "rpc"]
    return SimpleNamespace(**vars(line))


@pytest.mark.parametrize("kind", KINDS)
async def test_answers_pass_through(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await run(door, kind, "one", "two"))[-1].endswith("two")

    line = await rpc_line(caplog)
    assert (line.method, line.code, line.levelname) == (f"{SERVICE}/{kind}", "OK", "INFO")
    assert line.received_messages == (1 if kind.startswith("unary") else 2)
    assert line.sent_messages == (1 if kind.endswith("_unary") else 2)
    assert line.received_bytes > 0
    assert line.sent_bytes > 0
    assert not hasattr(line, "reason")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_failure_becomes_a_status_with_its_reason(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure_of(door, kind, "failure")

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "no café today"
    info = error_info(error)
    assert (info.domain, info.reason) == ("runstream", "STORAGE_UNAVAILABLE")
    assert dict(info.metadata) == {"run_id": "a" * 32}
    assert retry_delay_s(error) == 2.5
    line = await rpc_line(caplog)
    assert (line.code, line.reason) == ("UNAVAILABLE", "STORAGE_UNAVAILABLE")


@pytest.mark.parametrize("kind", STREAMING_ANSWERS)
async def test_a_failure_after_answers_comes_after_them(door: Door, kind: str) -> None:
    stream = answers(door, kind, "one", "two", "failure")

    received = [await anext(stream), await anext(stream)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(stream)

    assert received == ["one", "two"]
    assert error_info(caught.value).reason == "STORAGE_UNAVAILABLE"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_defect_tells_the_client_an_id_and_the_log_the_rest(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure_of(door, kind, "defect")

    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(error.details())
    assert "ZeroDivision" not in str(error.details())
    request_id = error_info(error).metadata["request_id"]
    assert request_id in str(error.details())
    (logged,) = [each for each in caplog.records if each.message == "rpc_defect"]
    assert logged.levelname == "ERROR"
    assert vars(logged)["request_id"] == request_id
    assert "the secret of the handler" in caplog.text
    assert (await rpc_line(caplog)).code == "INTERNAL"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_abort_passes_unchanged(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure_of(door, kind, "abort")

    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "aborted")
    assert (await rpc_line(caplog)).code == "NOT_FOUND"
    assert "rpc_defect" not in caplog.messages


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_after_an_abort_does_not_replace_it(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = await failure_of(door, kind, "abort then error")

    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "aborted")
    assert (await rpc_line(caplog)).code == "NOT_FOUND"
    assert "error_after_abort" in caplog.messages
    assert not [each for each in caplog.records if each.name.startswith("grpc")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancelled_call_leaves_its_handler_and_is_no_defect(
    door: Door, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    task = asyncio.create_task(run(door, kind, "hang"))
    async with asyncio.timeout(TIMEOUT_S):
        await door.service.entered.wait()

        task.cancel()

        await door.service.closed.wait()
    line = await rpc_line(caplog)
    assert (line.code, line.levelname) == ("CANCELLED", "INFO")
    assert {each.levelname for each in caplog.records} <= {"DEBUG", "INFO"}
    assert door.metric("runstream_rpc_in_flight", method=f"{SERVICE}/{kind}") == 0


async def test_a_call_whose_deadline_passes_is_logged_as_such(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    call = door.call("unary_unary")(StringValue(value="hang"), timeout=0.1)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call

    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert (await rpc_line(caplog)).code == "DEADLINE_EXCEEDED"


async def test_a_client_that_stops_reading_and_leaves_ends_the_handler(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    requests = [StringValue(value="x" * 9_000) for _ in range(10_000)]
    call = door.call("stream_stream")(requests, timeout=TIMEOUT_S)
    assert (await call.read()).value

    call.cancel()

    line = await rpc_line(caplog)
    assert line.code == "CANCELLED"
    assert line.sent_messages < len(requests)
    assert {each.levelname for each in caplog.records} <= {"DEBUG", "INFO"}


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("disk full", grpc.StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"),
        ("database full", grpc.StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"),
        ("database locked", grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE"),
        ("group", grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND"),
    ],
)
async def test_what_stores_raise_has_a_reason_too(
    door: Door, script: str, code: grpc.StatusCode, reason: str
) -> None:
    error = await failure_of(door, "unary_unary", script)

    assert error.code() is code
    assert error_info(error).reason == reason


async def test_what_a_store_raised_is_logged_with_its_traceback(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    await failure_of(door, "unary_unary", "database locked")

    (logged,) = [each for each in caplog.records if each.message == "storage_failed"]
    assert logged.exc_info is not None


async def test_a_method_without_code_is_unimplemented(door: Door) -> None:
    error = await failure_of(door, "unary_unary", "unimplemented")

    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert f"{SERVICE}/unary_unary" in str(error.details())


@pytest.mark.parametrize("kind", KINDS)
async def test_a_message_over_the_limit_names_the_limit(door: Door, kind: str) -> None:
    error = await failure_of(door, kind, "x" * (MAX_MESSAGE_BYTES + 1))

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info = error_info(error)
    assert info.reason == "LIMIT_EXCEEDED"
    assert info.metadata["limit"] == "max_message_bytes"


@pytest.mark.parametrize("kind", ["unary_unary", "stream_stream"])
async def test_bytes_that_are_no_message_are_the_clients_fault(door: Door, kind: str) -> None:
    broken = b"\x0a\xff"
    raw = getattr(door.channel, kind)(f"/{SERVICE}/{kind}")
    call = raw(broken if kind == "unary_unary" else [broken], timeout=TIMEOUT_S)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await (call if kind == "unary_unary" else anext(aiter(call)))

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error_info(caught.value).reason == "INVALID_VALUE"


async def test_rpcs_are_counted_by_method_and_code(door: Door) -> None:
    method = f"{SERVICE}/unary_unary"

    await run(door, "unary_unary", "one")
    await run(door, "unary_unary", "two")
    await failure_of(door, "unary_unary", "failure")

    assert door.metric("runstream_rpc_requests_total", method=method, code="OK") == 2
    assert door.metric("runstream_rpc_requests_total", method=method, code="UNAVAILABLE") == 1
    assert door.metric("runstream_rpc_seconds_count", method=method) == 3
    received = door.metric("runstream_rpc_message_bytes_total", method=method, direction="received")
    assert received > 0


async def test_rpcs_under_way_are_counted(door: Door) -> None:
    task = asyncio.create_task(run(door, "stream_stream", "hang"))
    await door.service.entered.wait()

    under_way = door.metric("runstream_rpc_in_flight", method=f"{SERVICE}/stream_stream")
    task.cancel()

    assert under_way == 1
