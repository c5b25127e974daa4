"""The HTTP port."""

import socket

import httpx
import pytest
from tests.support.server import ServerProcess, StartServer


def test_health_and_version_are_plain_text(shared_server: ServerProcess) -> None:
    health = shared_server.get("/health")
    version = shared_server.get("/version")

    assert (health.status_code, health.text) == (200, "OK")
    assert version.status_code == 200
    assert version.text.count(".") == 2
    assert version.headers["content-type"].startswith("text/plain")


def test_metrics_are_readable_by_prometheus(shared_server: ServerProcess) -> None:
    shared_server.get("/version")

    answer = shared_server.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "runstream_build_info{version=" in answer.text
    assert 'runstream_http_requests_total{method="GET",status="200"}' in answer.text
    assert "process_resident_memory_bytes" in answer.text
    assert "# TYPE runstream_commit_seconds histogram" in answer.text
    for line in ("waiting_bytes 0", "unsealed_bytes 0", "sealed_points_total 0"):
        assert f"\nrunstream_{line}" in answer.text


def test_anything_else_is_a_helpful_404(shared_server: ServerProcess) -> None:
    answer = shared_server.get("/api/2.0/mlflow/nothing")

    assert answer.status_code == 404
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"
    assert shared_server.grpc_address in answer.json()["message"]


def test_a_wrong_method_is_a_405(shared_server: ServerProcess) -> None:
    answer = httpx.post(f"http://{shared_server.http_address}/health", trust_env=False)

    assert answer.status_code == 405
    assert "POST" in answer.json()["message"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.8.9.1:80", "[::1]:5000"]
)
def test_local_hosts_are_answered(shared_server: ServerProcess, host: str) -> None:
    assert shared_server.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:5000", "", "[::2]", "127.evil"]
)
def test_other_hosts_are_refused_while_listening_on_loopback(
    shared_server: ServerProcess, host: str
) -> None:
    answer = shared_server.get("/health", headers={"Host": host})

    assert answer.status_code == 403
    assert "--allowed-hosts" in answer.json()["message"]


def test_allowed_hosts_are_answered_too(start_server: StartServer) -> None:
    server = start_server(allowed_hosts="Tracking.example, *.lab.example")

    statuses = {
        host: server.get("/health", headers={"Host": host}).status_code
        for host in ("tracking.example", "a.lab.example:5000", "localhost", "evil.example")
    }

    assert statuses == {
        "tracking.example": 200,
        "a.lab.example:5000": 200,
        "localhost": 200,
        "evil.example": 403,
    }


@pytest.mark.parametrize(
    "origin",
    [
        *("http://evil.example", "null", "", "http://localhost.evil.example"),
        *("http://evil.example/http://localhost:1", "ftp://localhost", "http://localhost:1/x"),
    ],
)
def test_writes_from_another_origin_are_refused(shared_server: ServerProcess, origin: str) -> None:
    answer = httpx.post(
        f"http://{shared_server.http_address}/anything", headers={"Origin": origin}, trust_env=False
    )

    assert answer.status_code == 403
    assert "may not write here" in answer.json()["message"]


def test_writes_from_the_servers_own_pages_pass(shared_server: ServerProcess) -> None:
    address = f"http://{shared_server.http_address}"

    answer = httpx.post(f"{address}/anything", headers={"Origin": address}, trust_env=False)

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "origin", ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:80"]
)
def test_pages_of_this_machine_may_read_and_write(
    shared_server: ServerProcess, origin: str
) -> None:
    url = f"http://{shared_server.http_address}/api/2.0/mlflow/runs/search"
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }

    preflight = httpx.options(url, headers=asked, trust_env=False)
    answer = httpx.post(url, headers={"Origin": origin}, json={}, trust_env=False)

    assert preflight.is_success
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "content-type"
    assert answer.json() == {}
    assert answer.headers["access-control-allow-origin"] == origin


def test_a_preflight_from_another_origin_is_refused(shared_server: ServerProcess) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    url = f"http://{shared_server.http_address}/api/2.0/mlflow/runs/search"

    answer = httpx.options(url, headers=asked, trust_env=False)

    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


def test_a_read_from_another_origin_passes(shared_server: ServerProcess) -> None:
    answer = shared_server.get("/version", headers={"Origin": "http://evil.example"})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


def test_a_body_over_the_limit_is_refused_before_it_is_read(shared_server: ServerProcess) -> None:
    host, _, port = shared_server.http_address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            b"POST /anything HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Length: 99999999\r\n\r\n"
        )

        answer = connection.makefile("rb").read().decode()

    assert answer.startswith("HTTP/1.1 413 ")
    assert "4194304" in answer


def test_requests_are_logged_with_their_outcome(shared_server: ServerProcess) -> None:
    shared_server.get("/somewhere?secret=1")

    line = shared_server.wait_for_event("http", path="/somewhere")

    assert (line["method"], line["status"], line["level"]) == ("GET", 404, "INFO")
    assert "secret" not in shared_server.log
