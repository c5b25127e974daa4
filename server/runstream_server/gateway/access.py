"""Stands around every HTTP request: measures and logs it."""

import logging
import time
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runstream_server.core.instruments import HttpInstruments

__all__ = ["AccessLog"]

QUIET_PATHS: Final = frozenset({"/health", "/metrics"})
"""Probes and scrapes come every few seconds, so their lines are for debugging only."""
KNOWN_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

_log = logging.getLogger("runstream_server.http")


class AccessLog:
    """Writes one line a request, and lets no exception out: those are answered further inside."""

    def __init__(self, app: ASGIApp, instruments: HttpInstruments) -> None:
        self._app = app
        self._instruments = instruments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin_s = time.perf_counter()
        status = 0
        sent_bytes = 0

        async def send_counting(message: Message) -> None:
            nonlocal status, sent_bytes
            status = message.get("status", status)
            sent_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_counting)
        except Exception:
            # A handler further inside has logged and answered it.
            if status == 0:
                raise
        finally:
            self._note(scope, status, sent_bytes, time.perf_counter() - begin_s)

    def _note(self, scope: Scope, status: int, sent_bytes: int, seconds: float) -> None:
        method: str = scope["method"] if scope["method"] in KNOWN_METHODS else "OTHER"
        self._instruments.finished(method, status, seconds)
        level = logging.DEBUG if scope["path"] in QUIET_PATHS else logging.INFO
        client: tuple[str, int] | None = scope.get("client")
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(seconds * 1000, 3),
            "sent_bytes": sent_bytes,
            "peer": f"{client[0]}:{client[1]}" if client else "",
        }
        _log.log(level, "http", extra=fields)
