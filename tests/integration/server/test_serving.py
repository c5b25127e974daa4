"""What a freshly started server offers on its ports."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tests.support.calls import check_health, raw_unary
from tests.support.server import ServerProcess, StartServer

from runstream.v1 import server_service_pb2 as pb, server_service_pb2_grpc as pb_grpc

GET_SERVER_INFO = "/runstream.v1.ServerService/GetServerInfo"
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def channel(shared_server: ServerProcess) -> Iterator[grpc.Channel]:
    with shared_server.channel() as channel:
        yield channel


def test_the_first_line_names_ports_that_both_serve(shared_server: ServerProcess) -> None:
    expected = (
        f"runstream serving grpc={shared_server.grpc_address} http={shared_server.http_address}"
    )

    assert shared_server.first_line == expected
    assert shared_server.get("/health").text == "OK"
    with shared_server.channel() as channel:
        pb_grpc.ServerServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=5)


def test_port_0_picks_free_ports_that_differ(shared_server: ServerProcess) -> None:
    ports = {shared_server.grpc_address, shared_server.http_address}

    assert len(ports) == 2
    assert not any(address.endswith(":0") for address in ports)


def test_the_server_describes_itself(shared_server: ServerProcess, channel: grpc.Channel) -> None:
    info = pb_grpc.ServerServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=5)

    assert info.version == shared_server.get("/version").text
    assert (info.database, info.artifact_store) == ("sqlite", "folder")
    assert info.schema_version.isdigit()
    assert info.start_time.seconds > 1_700_000_000
    assert info.http_address == f"http://{shared_server.http_address}"
    assert info.artifact_root == (shared_server.data_dir / "artifacts").as_uri()
    assert info.limits.max_message_bytes == 4 * 1024 * 1024
    assert all(value > 0 for _, value in info.limits.ListFields())
    assert len(info.limits.ListFields()) == len(pb.Limits.DESCRIPTOR.fields)


def test_reflection_lists_every_service_and_their_messages(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)

    names = set(database.get_services())
    described = database.FindFileContainingSymbol("runstream.v1.GetServerInfoResponse")

    assert {"runstream.v1.ServerService", "grpc.health.v1.Health"} <= names
    assert described.package == "runstream.v1"


def test_the_server_and_each_service_are_healthy(channel: grpc.Channel) -> None:
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    names = ["", *(name for name in services if name.startswith("runstream."))]

    statuses = {name: check_health(channel, name) for name in names}

    assert len(names) > 1
    assert statuses == dict.fromkeys(names, SERVING)


def test_the_health_of_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:

    with pytest.raises(grpc.RpcError) as caught:
        check_health(channel, "runstream.v1.Nothing")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_unix_socket_serves_the_same(start_server: StartServer) -> None:
    # The path of a socket has at most about 100 characters, and a test's folder may have more.
    with tempfile.TemporaryDirectory(prefix="rs-") as folder:
        path = Path(folder) / "socket"
        start_server(unix_socket=path)

        with grpc.insecure_channel(f"unix:{path}") as channel:
            stub = pb_grpc.ServerServiceStub(channel)
            info = stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=5)

    assert info.database == "sqlite"


def test_a_message_over_the_limit_is_refused_with_the_limit(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        raw_unary(channel, GET_SERVER_INFO, bytes(5 * 1024 * 1024))

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "5242880" in str(caught.value.details())
    assert "4194304" in str(caught.value.details())


def test_a_message_far_over_the_limit_is_refused_too(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        raw_unary(channel, GET_SERVER_INFO, bytes(32 * 1024 * 1024))

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        raw_unary(channel, "/runstream.v1.ServerService/Nothing", b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_each_rpc_leaves_one_line_in_the_log(shared_server: ServerProcess) -> None:
    with shared_server.channel() as channel:
        stub = pb_grpc.ServerServiceStub(channel)
        _, call = stub.GetServerInfo.with_call(pb.GetServerInfoRequest(), timeout=5)
        assert call.code() is grpc.StatusCode.OK

    line = shared_server.wait_for_event("rpc", method=GET_SERVER_INFO[1:], code="OK")

    assert line["level"] == "INFO"
    assert line["ms"] >= 0
    assert line["received_messages"] == line["sent_messages"] == 1
    assert line["peer"].startswith("ipv4:127.0.0.1:")


def test_health_checks_are_logged_for_debugging_only(
    shared_server: ServerProcess, channel: grpc.Channel
) -> None:
    check_health(channel)
    shared_server.get("/health")

    rpc = shared_server.wait_for_event("rpc", method="grpc.health.v1.Health/Check", code="OK")
    request = shared_server.wait_for_event("http", path="/health")

    assert rpc["level"] == request["level"] == "DEBUG"


def test_many_connections_are_served_at_once(shared_server: ServerProcess) -> None:
    channels = [shared_server.channel() for _ in range(200)]
    stubs = [pb_grpc.ServerServiceStub(channel) for channel in channels]

    calls = [stub.GetServerInfo.future(pb.GetServerInfoRequest(), timeout=30) for stub in stubs]
    versions = {call.result().version for call in calls}

    assert len(versions) == 1
    for channel in channels:
        channel.close()
