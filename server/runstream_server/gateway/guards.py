"""What stands before every HTTP request: checks of its host and origin, and a limit of its size."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runstream_server.gateway.answers import error_answer
from runstream_server.loopback import is_loopback

__all__ = ["LOCAL_ORIGIN", "BodyLimit", "HostGuard", "OriginGuard"]

LOCAL_ORIGIN: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
READING_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class HostGuard:
    """Refuses requests that address the server by a name it was not given.

    A page elsewhere can make its own name resolve to a loopback address, and a browser then takes
    this server for that page's own; only the Host header gives that away.

    Args:
        app: What is guarded.
        patterns: Names beside the local ones, without port, `*` for any text.
    """

    def __init__(self, app: ASGIApp, patterns: Sequence[str]) -> None:
        self._app = app
        self._patterns = [_compile(pattern) for pattern in patterns]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = Headers(scope=scope).get("host", "") if scope["type"] == "http" else "localhost"
        name = _host_name(host)
        if is_loopback(name) or any(pattern.fullmatch(name) for pattern in self._patterns):
            await self._app(scope, receive, send)
            return
        answer = error_answer(
            403,
            "PERMISSION_DENIED",
            f"this server does not answer to the host {host!r}; use a local address, or start it "
            "with --allowed-hosts",
        )
        await answer(scope, receive, send)


class OriginGuard:
    """Refuses writes that a page from another origin makes a browser send.

    Pages of this machine (notebooks, dashboards under development) may write, as they may to
    MLflow's own server.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] not in READING_METHODS:
            headers = Headers(scope=scope)
            origin = headers.get("origin")
            host = headers.get("host", "")
            if origin is not None and not (_same(origin, host) or _is_local(origin)):
                answer = error_answer(
                    403,
                    "PERMISSION_DENIED",
                    f"pages from {origin!r} may not write here; only the server's own may",
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


class BodyLimit:
    """Refuses requests whose body is too large, announced or not.

    Args:
        app: What is guarded.
        max_bytes: The greatest sizes by how paths begin, the first that fits; None for any size.
    """

    def __init__(self, app: ASGIApp, max_bytes: Mapping[str, int | None]) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        max_bytes = self._limit_of(scope["path"]) if scope["type"] == "http" else None
        if max_bytes is None:
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdigit() or int(announced) > max_bytes:
            await _refuse(max_bytes, scope, receive, send)
            return
        received = 0

        async def receive_counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLarge
            return message

        try:
            await self._app(scope, receive_counting, send)
        except _TooLarge:
            await _refuse(max_bytes, scope, receive, send)

    def _limit_of(self, path: str) -> int | None:
        return next(
            (limit for begin, limit in self._max_bytes.items() if path.startswith(begin)), None
        )


async def _refuse(max_bytes: int, scope: Scope, receive: Receive, send: Send) -> None:
    answer = error_answer(
        413,
        "RESOURCE_EXHAUSTED",
        f"the body is larger than {max_bytes} bytes; send it as several requests",
    )
    await answer(scope, receive, send)


class _TooLarge(Exception):
    """More arrived than is taken."""


def _is_local(origin: str) -> bool:
    """Whether an origin is a page of the machine that the browser runs on."""
    return LOCAL_ORIGIN.fullmatch(origin) is not None


def _host_name(host: str) -> str:
    """Returns a Host header without its port, and an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _compile(pattern: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.compile(".*".join(parts), re.IGNORECASE)


def _same(origin: str, host: str) -> bool:
    return urlsplit(origin).netloc.lower() == host.lower() != ""
