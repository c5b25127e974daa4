"""Answers with the content of a file or a part of it: one state of it, ranges, conditions."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from runstream_server.core.artifacts.files import Files
from runstream_server.core.errors import Failure, Reason
from runstream_server.gateway.ranges import ByteRange, Unsatisfiable, byte_range
from runstream_server.objects.base import ObjectInfo, ObjectReader
from runstream_server.objects.paths import Location

__all__ = ["attachment", "content_disposition", "file_answer"]

TRIES: Final = 5
TOKEN_CHARACTERS: Final = frozenset(
    "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)


async def file_answer(
    request: Request,
    files: Files,
    location: Location,
    headers_of: Callable[[str], Mapping[str, str]],
) -> Response | None:
    """Answers a GET or HEAD of a file; honours ranges and conditions.

    Args:
        request: The request.
        files: Where the file is.
        location: Which one.
        headers_of: Says by a file's name as what it is shown, and what browsers may do with it.

    Returns:
        None when the file was replaced again and again meanwhile.

    Raises:
        Failure: As `Files.open`.
    """
    for _ in range(TRIES):
        answer = await _try_answer(request, files, location, headers_of)
        if answer is not None:
            return answer
    return None


async def _try_answer(
    request: Request,
    files: Files,
    location: Location,
    headers_of: Callable[[str], Mapping[str, str]],
) -> Response | None:
    """Answers with one state of the file; None when it was replaced meanwhile."""
    info = await files.describe(location)
    headers = {**headers_of(info.location.segments[-1]), **_headers(info)}
    if _is_known(request, headers):
        return Response(status_code=304, headers=headers)
    try:
        asked = _asked_range(request, info, headers)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{info.size_bytes}"
        return Response(status_code=416, headers=headers)
    whole = ByteRange(0, info.size_bytes)
    part = asked or whole
    headers["Content-Length"] = str(part.length)
    if asked is not None:
        headers["Content-Range"] = asked.content_range(info.size_bytes)
    status = 200 if asked is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    reader = await _open(files, info, part)
    return None if reader is None else _FileStream(reader, status, headers)


async def _open(files: Files, info: ObjectInfo, part: ByteRange) -> ObjectReader | None:
    try:
        reader = await files.open(info.location, offset=part.offset, limit=part.length)
    except Failure as failure:
        if failure.reason is Reason.RANGE_NOT_SATISFIABLE:
            return None
        raise
    if reader.info == info:
        return reader
    await reader.close()
    return None


class _FileStream(StreamingResponse):
    """Sends what a reader reads, and closes it whatever happens."""

    def __init__(self, reader: ObjectReader, status: int, headers: dict[str, str]) -> None:
        super().__init__(_chunks(reader), status_code=status, headers=headers)
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._reader:
            await super().__call__(scope, receive, send)


async def _chunks(reader: ObjectReader) -> AsyncIterator[bytes]:
    async for chunk in reader:
        yield chunk


def _headers(info: ObjectInfo) -> dict[str, str]:
    modified = datetime.fromtimestamp(info.modify_time_us // 1_000_000, UTC)
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "ETag": f'"{info.modify_time_us:x}-{info.size_bytes:x}"',
        "Last-Modified": format_datetime(modified, usegmt=True),
    }


def _is_known(request: Request, headers: dict[str, str]) -> bool:
    """Whether the client says that it has this very state."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in known or headers["ETag"] in known
    since = _date(request.headers.get("if-modified-since", ""))
    modified = _date(headers["Last-Modified"])
    return since is not None and modified is not None and modified <= since


def _asked_range(request: Request, info: ObjectInfo, headers: dict[str, str]) -> ByteRange | None:
    condition = request.headers.get("if-range")
    if condition is not None and condition not in {headers["ETag"], headers["Last-Modified"]}:
        return None
    header = request.headers.get("range")
    return None if header is None else byte_range(header, info.size_bytes)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def attachment(name: str) -> str:
    """Returns the header that makes a download of that name."""
    return content_disposition("attachment", name)


def content_disposition(kind: str, name: str) -> str:
    """Returns the header that shows a file or downloads it by a name; RFC 6266 and RFC 5987."""
    plain = name.encode("ascii", "ignore").decode()
    shown = plain or "download"
    if not TOKEN_CHARACTERS.issuperset(shown):
        escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
        shown = f'"{escaped}"'
    if plain == name:
        return f"{kind}; filename={shown}"
    return f"{kind}; filename={shown}; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~')}"
