"""How a server stops: in order, with word to everybody who is connected."""

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

import grpc
import grpc.aio
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2
from tests.support.calls import error_info, retry_delay_s
from tests.support.scripted_service import SERVICE, Door, open_door
from tests.support.server import ServerProcess, StartServer

from runstream.v1 import (
    metric_service_pb2 as metric_pb,
    metric_service_pb2_grpc as metric_pb_grpc,
    run_service_pb2 as run_pb,
    run_service_pb2_grpc as run_pb_grpc,
    server_service_pb2 as pb,
    server_service_pb2_grpc as pb_grpc,
)

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING
Answers = Iterator[metric_pb.StreamMetricsResponse]
WatchAnswers = Iterator[health_pb2.HealthCheckResponse]
RUN_ID = "a" * 32
FORCED = 130
STREAM = f"{SERVICE}/stream_stream"
SENT = "runstream_rpc_message_bytes_total"
ORDER = [
    "stopping",
    "health_off",
    "streams_told",
    "grpc_stopped",
    "http_stopped",
    "stores_closed",
    "stopped",
]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async with open_door() as door:
        yield door


@pytest.fixture
def grace() -> str:
    return "20s"


@pytest.fixture
def server(start_server: StartServer, grace: str) -> ServerProcess:
    return start_server(shutdown_grace=grace)


@pytest.fixture
def silent_stream(server: ServerProcess) -> Iterator[Answers]:
    """The answers to a metric stream whose client never says anything, not even goodbye."""
    hung_up = threading.Event()

    def requests() -> Iterator[metric_pb.StreamMetricsRequest]:
        yield metric_pb.StreamMetricsRequest(
            header=metric_pb.StreamHeader(run_id=RUN_ID, writer_id="b" * 32)
        )
        hung_up.wait()

    with server.channel() as channel:
        run = run_pb.CreateRunRequest(run_id=RUN_ID, experiment_id="0", name="run")
        run_pb_grpc.RunServiceStub(channel).CreateRun(run, timeout=5)
        answers = metric_pb_grpc.MetricServiceStub(channel).StreamMetrics(requests(), timeout=30)
        assert next(answers).HasField("opened")
        yield answers
        hung_up.set()


async def read_all(call: grpc.aio.StreamStreamCall[StringValue, StringValue]) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


async def settled(read: Callable[[], float]) -> None:
    """Returns when a number has not changed for a while."""
    before, now = -1.0, read()
    async with asyncio.timeout(10):
        while now != before:
            await asyncio.sleep(0.2)
            before, now = now, read()


def watch_health(channel: grpc.Channel) -> WatchAnswers:
    make = cast("Callable[..., Callable[..., WatchAnswers]]", channel.unary_stream)
    call = make(
        "/grpc.health.v1.Health/Watch",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    return call(health_pb2.HealthCheckRequest(), timeout=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_order_with_exit_code_0(
    server: ServerProcess, number: signal.Signals
) -> None:
    server.signal(number)

    assert server.wait() == 0
    names = [event["event"] for event in server.events()]
    assert names[-len(ORDER) :] == ORDER
    assert server.events("stopping")[0]["signal"] == number.name


def test_an_idle_server_does_not_wait_for_the_grace_also_with_open_connections(
    server: ServerProcess,
) -> None:
    with server.channel() as channel:
        pb_grpc.ServerServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=5)
        begin_s = time.monotonic()

        server.terminate()

    assert time.monotonic() - begin_s < 5


def test_who_watches_health_hears_of_the_stop_and_then_is_sent_away(server: ServerProcess) -> None:
    with server.channel() as channel:
        watch = watch_health(channel)
        first = next(watch).status

        server.signal(signal.SIGTERM)
        second = next(watch).status
        with pytest.raises(grpc.RpcError) as caught:
            next(watch)

    assert (first, second) == (SERVING, NOT_SERVING)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert error_info(caught.value).reason == "SERVER_STOPPING"
    assert server.wait() == 0


def test_a_restart_finds_the_same_ports_and_serves_again(server: ServerProcess) -> None:
    line = server.first_line

    server.restart()

    assert server.first_line == line
    assert server.get("/health").text == "OK"


def test_a_kill_leaves_nothing_that_a_start_would_stumble_over(server: ServerProcess) -> None:
    for _ in range(2):
        server.kill9()

        assert server.exit_code == -signal.SIGKILL
        assert server.start().get("/health").text == "OK"


@pytest.mark.parametrize("grace", ["0.5s"])
def test_a_silent_client_is_sent_away_when_the_grace_is_over(
    server: ServerProcess, silent_stream: Answers
) -> None:
    server.signal(signal.SIGTERM)

    assert next(silent_stream).HasField("reconnect")
    with pytest.raises(grpc.RpcError) as caught:
        next(silent_stream)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert error_info(caught.value).reason == "SERVER_STOPPING"
    assert server.wait() == 0
    assert server.events("grpc_stopped")[0]["cut_short"] is True


@pytest.mark.usefixtures("silent_stream")
def test_while_it_stops_health_is_off_and_a_second_signal_ends_it_at_once(
    server: ServerProcess,
) -> None:
    server.signal(signal.SIGTERM)
    server.wait_for_event("streams_told")

    health = server.get("/health")
    server.signal(signal.SIGTERM)
    begin_s = time.monotonic()

    assert (health.status_code, health.text) == (503, "STOPPING")
    assert server.wait() == FORCED
    assert time.monotonic() - begin_s < 3
    assert server.events("stop_forced")


async def test_an_rpc_under_way_may_finish(door: Door) -> None:
    call = door.call("stream_stream")(timeout=10)
    await call.write(StringValue(value="one"))
    assert (await call.read()).value == "one"

    stop = asyncio.create_task(door.server.stop(5))
    door.stopping.begin()
    await call.write(StringValue(value="two"))

    assert (await call.read()).value == "two"
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    await stop


async def test_a_client_that_does_not_read_holds_nothing_up(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    requests = [StringValue(value="x" * 9_000) for _ in range(10_000)]
    call = door.call("stream_stream")(requests, timeout=10)
    await call.read()
    await settled(lambda: door.metric(SENT, method=STREAM, direction="sent"))

    stop = asyncio.create_task(door.server.stop(0.5))
    door.grace_over.begin()

    await asyncio.wait_for(stop, 3)
    with pytest.raises(grpc.aio.AioRpcError):
        await read_all(call)
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


@pytest.mark.parametrize("kind", ["unary_unary", "stream_stream"])
async def test_an_rpc_that_outlives_the_grace_is_told_to_come_back(door: Door, kind: str) -> None:
    request = StringValue(value="hang")
    call = door.call(kind)(request if kind == "unary_unary" else [request], timeout=10)
    answer = asyncio.ensure_future(call if kind == "unary_unary" else anext(aiter(call)))
    await door.service.entered.wait()

    stop = asyncio.create_task(door.server.stop(5))
    door.grace_over.begin()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert error_info(caught.value).reason == "SERVER_STOPPING"
    assert retry_delay_s(caught.value) == 1.0
    await asyncio.wait_for(stop, 3)
