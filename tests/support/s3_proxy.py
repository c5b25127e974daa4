"""A proxy before an S3 server that does to requests what a test wants."""

import asyncio
import contextlib
import io
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

import aiohttp
from aiohttp import web
from yarl import URL

__all__ = ["CUT_ANSWER", "PASS", "Act", "Request", "S3Proxy", "s3_proxy"]

PIECE_BYTES = 1 << 16
HOP_HEADERS = frozenset({"connection", "transfer-encoding", "expect", "keep-alive"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a test may look at."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @property
    def is_part(self) -> bool:
        return self.method == "PUT" and "partNumber" in self.query


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What to do to a request.

    Attributes:
        status: Answer with this, and do not ask the server.
        code: S3's code for that.
        cut_after_bytes: Cut the connection after so many bytes of the server's answer.
        wait_for: Do not begin before that.
    """

    status: int = 0
    code: str = "InternalError"
    cut_after_bytes: int | None = None
    wait_for: asyncio.Event | None = None


PASS = Act()
CUT_ANSWER = Act(cut_after_bytes=0)

Rule: TypeAlias = Callable[[Request], Act]


@dataclass(slots=True)
class S3Proxy:
    """The proxy. `rule` decides on each request, `seen` are those so far."""

    url: str = ""
    rule: Rule = lambda _: PASS
    seen: list[Request] = field(default_factory=list)

    @property
    def part_count(self) -> int:
        """How many different parts were sent; a busy client may repeat a request."""
        parts = [(seen.path, *sorted(seen.query.items())) for seen in self.seen if seen.is_part]
        return len(set(parts))

    def once(self, act: Act, condition: Callable[[Request], bool]) -> None:
        """Does something to the first request that meets a condition, and passes all others."""
        done: list[Request] = []

        def rule(request: Request) -> Act:
            if done or not condition(request):
                return PASS
            done.append(request)
            return act

        self.rule = rule

    def always(self, act: Act, condition: Callable[[Request], bool]) -> None:
        """Does something to each request that meets a condition, and passes all others."""
        self.rule = lambda request: act if condition(request) else PASS


@contextlib.asynccontextmanager
async def s3_proxy(server_url: str) -> AsyncGenerator[S3Proxy]:
    """Runs a proxy in this loop until the block ends."""
    proxy = S3Proxy()
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            return await _handle(proxy, session, server_url, request)

        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            proxy.url = f"http://127.0.0.1:{port}"
            yield proxy
        finally:
            await runner.cleanup()


async def _handle(
    proxy: S3Proxy, session: aiohttp.ClientSession, server_url: str, request: web.Request
) -> web.StreamResponse:
    seen = Request(
        method=request.method,
        path=request.path,
        query=dict(request.query),
        headers={name.lower(): value for name, value in request.headers.items()},
    )
    proxy.seen.append(seen)
    act = proxy.rule(seen)
    body = await request.read()
    if act.wait_for is not None:
        await act.wait_for.wait()
    if act.status:
        text = f"<?xml version='1.0'?><Error><Code>{act.code}</Code><Message>so</Message></Error>"
        return web.Response(
            status=act.status,
            text=text if act.status >= HTTPStatus.BAD_REQUEST else "",
            content_type="application/xml",
            headers={"ETag": '"0"'},
        )
    headers = {n: v for n, v in request.headers.items() if n.lower() not in HOP_HEADERS}
    url = URL(server_url + request.raw_path, encoded=True)
    async with session.request(
        request.method, url, headers=headers, data=io.BytesIO(body)
    ) as answer:
        return await _pass_on(request, answer, act.cut_after_bytes)


async def _pass_on(
    request: web.Request, answer: aiohttp.ClientResponse, cut_after_bytes: int | None
) -> web.StreamResponse:
    headers = {n: v for n, v in answer.headers.items() if n.lower() not in HOP_HEADERS}
    response = web.StreamResponse(status=answer.status, headers=headers)
    sent = 0
    if cut_after_bytes != 0:
        await response.prepare(request)
    async for piece in answer.content.iter_chunked(PIECE_BYTES):
        if cut_after_bytes is not None and sent + len(piece) > cut_after_bytes:
            break
        await response.write(piece)
        sent += len(piece)
    if cut_after_bytes is not None:
        transport = request.transport
        assert transport is not None
        if sent:
            transport.close()  # what was sent arrives
        else:
            transport.abort()
    return response
