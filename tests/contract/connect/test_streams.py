"""Calls with many answers: histories, charts, watches and downloads; and how they end."""

import contextlib
import json
import signal
from collections.abc import Iterator

import httpx
import pytest

from runstream.v1 import metric_service_pb2 as pb
from tests.contract.connect.calling import Api, Json, ended, enveloped, reason, unframed
from tests.support.server import ServerProcess, StartServer

HISTORY = "MetricService/GetHistory"
WATCH = "MetricService/WatchRun"
DOWNLOAD = "ArtifactService/DownloadArtifact"
JSON = "application/connect+json"


@pytest.fixture
def api(each_server: ServerProcess) -> Iterator[Api]:
    with Api(each_server) as api:
        yield api


@contextlib.contextmanager
def opened(api: Api, method: str, **request: Json) -> Iterator[httpx.Response]:
    body = enveloped(json.dumps(request).encode())
    headers = {"Content-Type": JSON}
    with api.http.stream(
        "POST", f"runstream.v1.{method}", content=body, headers=headers
    ) as response:
        assert response.status_code == 200
        yield response


def put(api: Api, run_id: str, data: bytes) -> None:
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/file"
    assert api.http.put(path, content=data).status_code == 200


def test_a_history_comes_exactly(api: Api) -> None:
    run_id = api.new_run()
    api.log(run_id, "loss", [0.1, -0.0, "NaN", "Infinity", "-Infinity", 3])

    streamed = api.stream(HISTORY, runId=run_id)

    assert streamed.end == {}
    [series] = streamed.documents[0]["series"]
    assert series["series"] == {"key": "loss"}
    assert series["step"] == ["0", "1", "2", "3", "4", "5"]
    assert [str(value) for value in series["value"]] == [
        "0.1",
        "-0.0",
        "NaN",
        "Infinity",
        "-Infinity",
        "3.0",
    ]


def test_streams_may_be_binary(api: Api) -> None:
    run_id = api.new_run()
    api.log(run_id, "loss", [0.5, 0.25])
    request = pb.GetHistoryRequest(run_id=run_id).SerializeToString()

    response = api.raw(HISTORY, enveloped(request), "application/connect+proto")

    streamed = ended(iter([response.content]))
    [message] = [pb.GetHistoryResponse.FromString(raw) for raw in streamed.messages]
    assert list(message.series[0].value) == [0.5, 0.25]


def test_a_chart_comes_run_by_run(api: Api) -> None:
    run_ids = [api.new_run(), api.new_run()]
    for run_id in run_ids:
        api.log(run_id, "loss", [float(step) for step in range(100)])

    streamed = api.stream("MetricService/GetChart", runIds=run_ids, maxBuckets=10)

    charts = [chart for document in streamed.documents for chart in document["series"]]
    assert [chart["runId"] for chart in charts] == run_ids
    assert all(sum(map(int, chart["count"])) == 100 for chart in charts)


def test_a_failure_stands_at_the_end_of_the_stream(api: Api) -> None:
    streamed = api.stream(HISTORY, runId="f" * 32)

    assert streamed.messages == []
    assert streamed.error["code"] == "not_found"
    assert reason(streamed.error) == "RUN_NOT_FOUND"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        enveloped(b"{}") + enveloped(b"{}"),
        enveloped(b"{}")[:-1],
        enveloped(b"{}", flags=1),
        enveloped(b"{}", flags=2),
        enveloped(b"run_id=x"),
        enveloped(b'{"rumId": "x"}'),
    ],
)
def test_a_body_that_is_not_one_request_is_refused(api: Api, body: bytes) -> None:
    streamed = ended(iter([api.raw(HISTORY, body, JSON).content]))

    assert streamed.error["code"] == "invalid_argument"
    assert reason(streamed.error) == "INVALID_VALUE"


def test_compressed_streams_are_refused(api: Api) -> None:
    response = api.raw(HISTORY, enveloped(b"{}"), JSON, Connect_Content_Encoding="gzip")

    assert ended(iter([response.content])).error["code"] == "unimplemented"


def test_a_stream_asked_for_as_one_answer_is_told_how_to_ask(api: Api) -> None:
    response = api.raw(HISTORY, b"{}", "application/json")

    assert response.status_code == 415
    assert JSON in response.headers["accept-post"]


def test_a_watch_shows_points_as_they_come_until_its_client_leaves(api: Api) -> None:
    run_id = api.new_run()

    with opened(api, WATCH, runId=run_id, cursor="0") as response:
        answers = unframed(response.iter_raw())
        assert json.loads(next(answers)[1])["run"]["runId"] == run_id
        with Api(api.server) as other:
            other.log(run_id, "loss", [0.5])
        shown = next(doc for _, raw in answers if "series" in (doc := json.loads(raw)))

    assert shown["series"][0]["value"] == [0.5]
    line = api.server.wait_for_event("rpc", method=f"runstream.v1.{WATCH}", run_id=run_id)
    assert line["code"] == "CANCELLED"


def test_a_watch_ends_at_its_deadline(api: Api) -> None:
    body = enveloped(json.dumps({"runId": api.new_run()}).encode())

    response = api.raw(WATCH, body, JSON, Connect_Timeout_Ms="300")

    assert ended(iter([response.content])).error["code"] == "deadline_exceeded"


def test_a_file_comes_in_pieces(api: Api) -> None:
    run_id = api.new_run()
    put(api, run_id, bytes(range(256)) * 10_000)

    streamed = api.stream(DOWNLOAD, runId=run_id, path="file", offset="1", limit="2")

    first, chunk = streamed.documents
    assert first["artifact"]["sizeBytes"] == "2560000"
    assert chunk["chunk"]["data"] == "AQI="


def test_a_client_that_does_not_read_holds_the_server_back(api: Api) -> None:
    run_id = api.new_run()
    put(api, run_id, bytes(64 * 1024 * 1024))

    with opened(api, DOWNLOAD, runId=run_id, path="file") as response:
        pieces = response.iter_raw()  # kept: the connection closes when it goes
        next(pieces)
        assert api.server.get("/health").text == "OK"

    line = api.server.wait_for_event("rpc", method=f"runstream.v1.{DOWNLOAD}", code="CANCELLED")
    assert line["sent_bytes"] < 48 * 1024 * 1024


def test_watchers_are_told_when_the_server_stops(start_server: StartServer) -> None:
    server = start_server(shutdown_grace="30s")
    with Api(server) as api, opened(api, WATCH, runId=api.new_run()) as response:
        pieces = response.iter_raw()
        first = next(pieces)

        server.signal(signal.SIGTERM)
        rest = b"".join(pieces)

    error = ended(iter([first, rest])).error
    assert error["code"] == "unavailable"
    assert reason(error) == "SERVER_STOPPING"
    assert error["details"][1]["type"] == "google.rpc.RetryInfo"
    assert server.wait(10) == 0


def test_a_download_that_nobody_reads_does_not_hold_up_the_stop(start_server: StartServer) -> None:
    server = start_server(shutdown_grace="1s")
    # The HTTP server's own words for a connection that it had to cut.
    server.tolerated_events |= {
        "Cancel 1 running task(s), timeout graceful shutdown exceeded",
        "Exception in ASGI application\n",
    }
    with Api(server) as api:
        run_id = api.new_run()
        put(api, run_id, bytes(64 * 1024 * 1024))
        with opened(api, DOWNLOAD, runId=run_id, path="file") as response:
            pieces = response.iter_raw()  # kept: the connection closes when it goes
            next(pieces)

            assert server.terminate(20) == 0
    assert server.events("grpc_stopped")[0]["cut_short"]


def test_a_download_that_is_read_is_finished_before_the_server_stops(
    start_server: StartServer,
) -> None:
    server = start_server(shutdown_grace="30s")
    with Api(server) as api:
        run_id = api.new_run()
        put(api, run_id, bytes(64 * 1024 * 1024))
        with opened(api, DOWNLOAD, runId=run_id, path="file") as response:
            pieces = response.iter_raw()
            first = next(pieces)
            server.signal(signal.SIGTERM)
            server.wait_for_event("streams_told")
            streamed = ended(iter([first, *pieces]))

    assert streamed.end == {}
    assert server.wait(20) == 0
