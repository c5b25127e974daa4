"""What stands around the routes of the HTTP port, with routes that misbehave."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from runstream_server.core.instruments import Instruments
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.gateway.app import Gateway, build


async def fail(_request: Request) -> Response:
    raise ZeroDivisionError("the secret of the route")


async def count(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def instruments() -> Instruments:
    return Instruments("1.2.3")


@pytest.fixture
async def http(instruments: Instruments) -> AsyncIterator[httpx.AsyncClient]:
    gateway = Gateway(
        version="1.2.3",
        grpc_address="127.0.0.1:50051",
        instruments=instruments,
        trouble=lambda: "STOPPING",
        allowed_hosts=(),
    )
    app = build(gateway, [Route("/fail", fail), Route("/count", count, methods=["POST"])])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def pieces(size: int) -> AsyncIterator[bytes]:
    for begin in range(0, size, 65_536):
        yield bytes(min(65_536, size - begin))


async def test_a_defect_tells_the_client_an_id_and_the_log_the_rest(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, instruments: Instruments
) -> None:
    caplog.set_level(logging.INFO, "runstream_server")

    answer = await http.get("/fail")

    assert answer.status_code == 500
    assert "secret" not in answer.text
    (logged,) = [each for each in caplog.records if each.message == "http_defect"]
    assert vars(logged)["request_id"] in answer.json()["message"]
    assert "the secret of the route" in caplog.text
    labels = {"method": "GET", "status": "500"}
    assert instruments.registry.get_sample_value("runstream_http_requests_total", labels) == 1


async def test_a_body_of_the_greatest_size_passes(http: httpx.AsyncClient) -> None:
    answer = await http.post("/count", content=pieces(MAX_MESSAGE_BYTES))

    assert answer.text == str(MAX_MESSAGE_BYTES)


async def test_a_larger_body_of_unannounced_size_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/count", content=pieces(MAX_MESSAGE_BYTES + 1))

    assert answer.status_code == 413
    assert answer.json()["error_code"] == "RESOURCE_EXHAUSTED"


async def test_health_is_503_unless_serving(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health")

    assert (answer.status_code, answer.text) == (503, "STOPPING")


async def test_strange_methods_are_counted_as_one(
    http: httpx.AsyncClient, instruments: Instruments
) -> None:
    for number in range(3):
        await http.request(f"STRANGE{number}", "/nothing")

    labels = {"method": "OTHER", "status": "404"}
    assert instruments.registry.get_sample_value("runstream_http_requests_total", labels) == 3


@pytest.mark.parametrize(
    "path", ["/%E2%98%83", "/a%0Ab", "/%ff", "//evil.example", "/" + "x" * 5000]
)
async def test_any_path_is_answered(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)

    assert answer.status_code == 404
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"
