"""Serves the built web UI from a folder: one page, and the scripts and styles it loads."""

import asyncio
import hashlib
import re
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from runstream_server.gateway.web import headers

__all__ = ["PageRoute"]

INDEX: Final = "index.html"
ASSETS: Final = "assets/"
"""Names of files below it hold a hash of their content, so that they never change."""
SAFE_PATH: Final = re.compile(r"(assets/)?[A-Za-z0-9_-][A-Za-z0-9._-]*")
ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))
"""How files lie there compressed as well, the best one first."""

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Files of other kinds are not served."""

NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>runstream</title>
<h1>The web UI is not built</h1>
<p>This is a runstream server, and it works; only its pages are missing, because it runs from a copy
of the source in which they were not built.</p>
<p>Run <code>make web</code> there and load this page again. Installed packages have the pages in
them.</p>
</html>
"""


class PageRoute(BaseRoute):
    """Serves the files of a folder that a web build made, under `/`.

    It matches only what is there, so that all else is answered by others. The folder may be built
    anew meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            return Match.NONE, {}
        name = scope["path"].removeprefix("/") or INDEX
        if scope["path"] != "/" and not self._is_there(name):
            return Match.NONE, {}
        return Match.FULL, {"web_file": name}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        name: str = scope["web_file"]
        response = await asyncio.to_thread(self._answer, Request(scope, receive), name)
        await response(scope, receive, send)

    def _is_there(self, name: str) -> bool:
        # No name that is matched leads out of the folder, whatever it means to the file system.
        fits = SAFE_PATH.fullmatch(name) is not None and Path(name).suffix in MEDIA_TYPES
        return fits and (self._folder / name).is_file()

    def _answer(self, request: Request, name: str) -> Response:
        shared = dict(headers.OF_PAGES)
        shared["Cache-Control"] = "no-cache"
        shared["Content-Type"] = MEDIA_TYPES[Path(name).suffix]
        try:
            content, encoding = self._read(name, request.headers.get("accept-encoding", ""))
        except FileNotFoundError:
            content, encoding = NOT_BUILT.encode(), None
            if name != INDEX:
                return Response(b"", 404, headers=shared)
        if name.startswith(ASSETS):
            shared["Cache-Control"] = "public, max-age=31536000, immutable"
        shared["Vary"] = "Accept-Encoding"
        shared["ETag"] = f'"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'
        if encoding is not None:
            shared["Content-Encoding"] = encoding
        if _is_known(request, shared["ETag"]):
            return Response(status_code=304, headers=shared)
        answer = Response(b"" if request.method == "HEAD" else content, headers=shared)
        answer.headers["Content-Length"] = str(len(content))
        return answer

    def _read(self, name: str, accepted: str) -> tuple[bytes, str | None]:
        takes = _accepted_encodings(accepted)
        for encoding, ending in ENCODINGS:
            neighbour = self._folder / f"{name}{ending}"
            if encoding in takes and neighbour.is_file():
                return neighbour.read_bytes(), encoding
        return (self._folder / name).read_bytes(), None


def _is_known(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match", "")
    known = [one.strip().removeprefix("W/") for one in given.split(",")]
    return tag in known or "*" in known


def _accepted_encodings(header: str) -> set[str]:
    """Returns the encodings that a client takes; those with a weight of 0 it does not."""
    accepted: set[str] = set()
    for part in header.split(","):
        name, _, weight = part.partition(";")
        if not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight):
            accepted.add(name.strip().lower())
    return accepted
