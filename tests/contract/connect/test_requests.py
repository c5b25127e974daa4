"""Calls with one answer: JSON and binary, what is refused, and what that looks like.

The protocol is the same whatever is called, so one kind of database is enough.
"""

import base64
import json
import socket
from collections.abc import Iterator

import pytest
from google.rpc import error_details_pb2

from runstream.v1 import run_service_pb2, server_service_pb2
from tests.contract.connect.calling import Api, reason
from tests.support.server import ServerProcess, StartServer

INFO = "ServerService/GetServerInfo"
GET_RUN = "RunService/GetRun"
JSON = "application/json"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
NO_RUN = "f" * 32


@pytest.fixture
def api(shared_server: ServerProcess) -> Iterator[Api]:
    with Api(shared_server) as api:
        yield api


def test_json_is_that_of_proto3(api: Api) -> None:
    info = api.call(INFO)

    assert info["database"] == "sqlite"
    assert info["limits"]["maxMessageBytes"] == str(MAX_MESSAGE_BYTES)
    assert info["limits"]["maxRowPoints"] == 65536


def test_fields_go_by_either_of_their_names(api: Api) -> None:
    run_id = api.new_run()

    assert api.call(GET_RUN, runId=run_id) == api.call(GET_RUN, run_id=run_id)


def test_the_content_type_may_name_a_charset(api: Api) -> None:
    assert api.raw(INFO, b"{}", "Application/JSON; charset=utf-8").status_code == 200


def test_messages_may_be_binary(api: Api) -> None:
    run_id = api.new_run()
    request = run_service_pb2.GetRunRequest(run_id=run_id)

    response = api.raw(GET_RUN, request.SerializeToString(), "application/proto")

    assert response.headers["content-type"] == "application/proto"
    found = run_service_pb2.GetRunResponse.FromString(response.content)
    assert found.run.run_id == run_id


def test_an_empty_binary_message_is_a_message(api: Api) -> None:
    response = api.raw(INFO, b"", "application/proto")

    assert server_service_pb2.GetServerInfoResponse.FromString(response.content).version


def test_a_failure_is_told_with_the_details_that_grpc_clients_get(api: Api) -> None:
    error = api.refused(GET_RUN, runId=NO_RUN)

    assert (error["status"], error["code"]) == (404, "not_found")
    assert NO_RUN in error["message"]
    value: str = error["details"][0]["value"]
    assert not value.endswith("=")
    info = error_details_pb2.ErrorInfo.FromString(base64.b64decode(value + "=" * (-len(value) % 4)))
    assert (info.reason, info.domain) == ("RUN_NOT_FOUND", "runstream")
    assert error["details"][0]["debug"]["metadata"] == {"run_id": NO_RUN}


def test_errors_of_binary_calls_are_json_too(api: Api) -> None:
    request = run_service_pb2.GetRunRequest(run_id=NO_RUN)

    response = api.raw(GET_RUN, request.SerializeToString(), "application/proto")

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [
        (GET_RUN, b'{"rumId": "x"}', "'rumId'"),
        ("MetricService/ListSeries", b'{"selector": {"kyes": []}}', "'selector.kyes'"),
        (GET_RUN, b'{"runId": 1}', "runId"),
        (GET_RUN, b"run_id=x", "JSON"),
        (GET_RUN, b"", "JSON"),
        (GET_RUN, b"[]", "JSON"),
        (GET_RUN, b'{"runId": "\xff"}', "UTF-8"),
        (GET_RUN, b'{"runId": ' + b"[" * 100_000, "JSON"),
        (GET_RUN, b'{"runId": "a", "runId": "b"}', "runId"),
        (GET_RUN, b'{"runId": "\\ud800"}', "runId"),
    ],
)
def test_a_body_that_is_not_the_request_is_refused(
    api: Api, method: str, body: bytes, said: str
) -> None:
    error = api.refused(method, body)

    assert (error["status"], error["code"]) == (400, "invalid_argument")
    assert reason(error) == "INVALID_VALUE"
    assert said in error["message"]
    assert "\n" not in error["message"]


def test_an_unknown_field_is_answered_with_those_there_are(api: Api) -> None:
    error = api.refused(GET_RUN, rumId="x")

    assert error["message"] == (
        "GetRunRequest has no field 'rumId'; there are runId, omitMetrics, omitInputs"
    )
    assert error["details"][0]["debug"]["metadata"]["field"] == "rumId"


def test_a_broken_binary_message_is_refused(api: Api) -> None:
    response = api.raw(GET_RUN, b"\xff\xff", "application/proto")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_argument")


@pytest.mark.parametrize("size", [MAX_MESSAGE_BYTES + 1, 3 * MAX_MESSAGE_BYTES])
def test_messages_are_as_large_as_over_grpc(api: Api, size: int) -> None:
    body = json.dumps({"runId": ""}).encode()

    error = api.refused(GET_RUN, body.ljust(size))

    assert (error["status"], error["code"]) == (429, "resource_exhausted")
    assert error["details"][0]["debug"]["metadata"]["limit"] == "max_message_bytes"


def test_a_message_of_the_greatest_size_is_taken(api: Api) -> None:
    assert api.raw(INFO, b"{}".ljust(MAX_MESSAGE_BYTES), JSON).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
        "application/connect+json",
        "application/grpc",
    ],
)
def test_only_the_content_types_of_the_protocol_are_taken(api: Api, content_type: str) -> None:
    response = api.raw(INFO, b"{}", content_type)

    assert response.status_code == 415
    assert response.headers["accept-post"] == "application/json, application/proto"
    assert "application/json" in response.json()["message"]


def test_only_post_is_taken(api: Api) -> None:
    response = api.server.get(f"/runstream.v1.{INFO}")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["RunService/Nothing", "NoService/GetRun", "RunService"])
def test_what_does_not_exist_is_unimplemented(api: Api, path: str) -> None:
    error = api.refused(path)

    assert (error["status"], error["code"]) == (501, "unimplemented")
    assert path in error["message"]


@pytest.mark.parametrize(
    "method", ["ArtifactService/UploadArtifact", "MetricService/StreamMetrics"]
)
@pytest.mark.parametrize("content_type", [JSON, "application/connect+json"])
def test_streams_of_requests_are_for_grpc(api: Api, method: str, content_type: str) -> None:
    response = api.raw(method, b"{}", content_type)

    text = response.content.decode(errors="replace")
    assert '"code": "unimplemented"' in text
    assert "use gRPC" in text
    assert ("PUT" in text) == method.endswith("UploadArtifact")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Connect_Protocol_Version": "2"}, "invalid_argument"),
        ({"Connect_Timeout_Ms": "soon"}, "invalid_argument"),
        ({"Connect_Timeout_Ms": "-1"}, "invalid_argument"),
        ({"Connect_Timeout_Ms": "0"}, "deadline_exceeded"),
        ({"Content_Encoding": "gzip"}, "unimplemented"),
    ],
)
def test_headers_that_cannot_be_met_are_refused(
    api: Api, headers: dict[str, str], code: str
) -> None:
    assert api.raw(INFO, b"{}", JSON, **headers).json()["code"] == code


def test_headers_of_the_protocol_are_understood(api: Api) -> None:
    headers = {"Connect_Protocol_Version": "1", "Connect_Timeout_Ms": "60000"}

    assert api.raw(INFO, b"{}", JSON, **headers).status_code == 200


def test_a_page_from_elsewhere_can_not_even_read(api: Api) -> None:
    foreign = api.raw(INFO, b"{}", JSON, Origin="https://elsewhere.example")
    own = api.raw(INFO, b"{}", JSON, Origin=f"http://{api.server.http_address}")

    assert (foreign.status_code, own.status_code) == (403, 200)
    assert "version" not in foreign.text


def test_a_foreign_host_is_refused(api: Api) -> None:
    assert api.raw(INFO, b"{}", JSON, Host="elsewhere.example").status_code == 403


def test_each_call_has_its_line_in_the_log_and_is_counted(api: Api) -> None:
    run_id = api.new_run()

    api.call(GET_RUN, runId=run_id)

    line = api.server.wait_for_event("rpc", method=f"runstream.v1.{GET_RUN}", run_id=run_id)
    assert (line["code"], line["protocol"]) == ("OK", "connect+json")
    assert line["peer"].startswith("ipv4:127.0.0.1:")
    assert line["received_messages"] == line["sent_messages"] == 1
    counted = f'runstream_rpc_requests_total{{code="OK",method="runstream.v1.{GET_RUN}"}}'
    assert counted in api.server.get("/metrics").text


def test_a_server_of_artifacts_alone_says_so(start_server: StartServer) -> None:
    server = start_server(artifacts_only=True)

    with Api(server) as api:
        assert api.call(INFO)["version"]
        error = api.refused(GET_RUN, runId=NO_RUN)

    assert reason(error) == "TRACKING_DISABLED"


def test_a_client_that_leaves_before_its_answer_harms_nobody(api: Api) -> None:
    host, _, port = api.server.http_address.rpartition(":")
    head = f"POST /runstream.v1.{INFO} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())

    line = api.server.wait_for_event("rpc", method=f"runstream.v1.{INFO}", code="CANCELLED")
    assert line["received_messages"] == 0
