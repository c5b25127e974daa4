"""The pages of the web UI over HTTP: what is served of a build, in which form, and nothing else.

There is no database.
"""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from runstream_server.core.instruments import Instruments
from runstream_server.gateway.app import Gateway, build
from runstream_server.gateway.http_server import HttpServer, bind
from runstream_server.gateway.web.pages import PageRoute

SCRIPT = b"export const answer = 42;\n" * 100
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; media-src 'self' blob:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as a web build makes it, and a secret beside it."""
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>runstream</title>")
    (folder / "favicon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    script = folder / "assets" / "main-abc123.js"
    script.write_bytes(SCRIPT)
    script.with_name("main-abc123.js.gz").write_bytes(gzip.compress(SCRIPT))
    script.with_name("main-abc123.js.br").write_bytes(b"as if it were brotli")
    (folder / "assets" / "main-abc123.css").write_text("body { color: red }")
    (folder / "assets" / "notes.exe").write_text("of no known kind")
    (tmp_path / "secret.txt").write_text("the very secret")
    (folder / ".env.txt").write_text("the very secret")
    return folder


@pytest.fixture
async def http(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    gateway = Gateway(
        version="1.2.3",
        grpc_address="",
        instruments=Instruments("1.2.3"),
        trouble=lambda: "",
        allowed_hosts=(),
    )
    listener: socket.socket = bind("127.0.0.1", 0)
    server = HttpServer(build(gateway, [PageRoute(built)]), listener)
    serving = asyncio.create_task(server.serve())
    await server.started()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        client.headers["accept-encoding"] = "identity"
        yield client
    server.stop(1)
    await serving


async def test_the_page_may_do_only_what_it_needs(http: httpx.AsyncClient) -> None:
    for path in ("/", "/assets/main-abc123.js", "/favicon.svg"):
        headers = (await http.get(path)).headers

        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "camera=()" in headers["permissions-policy"]


async def test_the_page_is_asked_for_anew_each_time_but_sent_only_when_it_is_another(
    http: httpx.AsyncClient, built: Path
) -> None:
    first = await http.get("/")
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    assert first.headers["content-type"] == "text/html; charset=utf-8"

    again = await http.get("/", headers={"If-None-Match": f'W/"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == POLICY

    (built / "index.html").write_text("another build")
    other = await http.get("/", headers={"If-None-Match": first.headers["etag"]})
    assert (other.status_code, other.text) == (200, "another build")


async def test_what_the_page_loads_is_kept_for_good(http: httpx.AsyncClient) -> None:
    script = await http.get("/assets/main-abc123.js")

    assert script.content == SCRIPT
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    style = await http.get("/assets/main-abc123.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br;q=0.5", "br"),
        ("br; q=0, gzip", "gzip"),
        ("br;q=0.0,gzip;q=0", None),
        ("identity", None),
        ("zstd", None),
    ],
)
async def test_the_best_form_that_the_client_takes_is_sent(
    http: httpx.AsyncClient, accepted: str, encoding: str | None
) -> None:
    headers = {"Accept-Encoding": accepted}
    request = http.build_request("GET", "/assets/main-abc123.js", headers=headers)
    answer = await http.send(request, stream=True)
    raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"].startswith("Accept-Encoding")
    expected = {"gzip": gzip.compress(SCRIPT), "br": b"as if it were brotli"}
    if encoding == "gzip":
        assert gzip.decompress(raw) == SCRIPT
    else:
        assert raw == expected.get(encoding or "", SCRIPT)
    assert answer.headers["content-length"] == str(len(raw))


async def test_each_form_has_a_tag_of_its_own(http: httpx.AsyncClient) -> None:
    path = "/assets/main-abc123.js"
    tags = {
        (await http.head(path, headers={"Accept-Encoding": accepted})).headers["etag"]
        for accepted in ("identity", "gzip", "br")
    }
    assert len(tags) == 3


async def test_head_tells_the_same_without_the_content(http: httpx.AsyncClient) -> None:
    got, asked = await http.get("/"), await http.head("/")

    assert asked.content == b""
    for name in ("content-length", "etag", "content-type", "content-security-policy"):
        assert asked.headers[name] == got.headers[name]


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "//secret.txt",
        "/assets//main-abc123.js",
        "/./index.html",
        "/.env.txt",
        "/assets",
        "/assets/",
        "/assets/notes.exe",
        "/assets/none.js",
        "/index.html%00.txt",
        "/%ff.txt",
    ],
)
async def test_nothing_else_is_served(http: httpx.AsyncClient, path: str) -> None:
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()

    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer[:200]
    assert b"the very secret" not in answer


async def test_writing_to_a_page_is_not_possible(http: httpx.AsyncClient) -> None:
    assert (await http.post("/index.html", content=b"x")).status_code == 404


async def test_without_a_build_the_page_says_what_to_do(
    http: httpx.AsyncClient, built: Path
) -> None:
    (built / "index.html").unlink()

    answer = await http.get("/")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert "make web" in answer.text
    assert "<script" not in answer.text
