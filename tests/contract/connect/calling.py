"""How the tests call the services over HTTP, and what they read from the answers."""

import itertools
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import httpx

from tests.support.server import ServerProcess

DEADLINE_S = 60.0
END_OF_STREAM = 0b10

Json: TypeAlias = Any

_numbers = itertools.count()


def enveloped(message: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(message)) + message


def unframed(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yields flags and content of each envelope."""
    waiting = b""
    for piece in pieces:
        waiting += piece
        while len(waiting) >= 5:
            flags, length = struct.unpack_from(">BI", waiting)
            if len(waiting) < 5 + length:
                break
            yield flags, waiting[5 : 5 + length]
            waiting = waiting[5 + length :]
    assert waiting == b"", "the stream ends within an envelope"


@dataclass
class Streamed:
    """A stream that has ended."""

    messages: list[bytes]
    end: Json

    @property
    def documents(self) -> list[Json]:
        return [json.loads(message) for message in self.messages]

    @property
    def error(self) -> Json:
        return self.end["error"]


def ended(pieces: Iterator[bytes]) -> Streamed:
    *messages, (last, end) = unframed(pieces)
    assert last == END_OF_STREAM
    assert all(flags == 0 for flags, _ in messages)
    return Streamed([content for _, content in messages], json.loads(end))


class Api:
    """Calls a server's methods by short names like `RunService/GetRun`."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.http = httpx.Client(
            base_url=f"http://{server.http_address}/", trust_env=False, timeout=DEADLINE_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def raw(self, method: str, body: bytes, content_type: str, **headers: str) -> httpx.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(
            f"runstream.v1.{method}", content=body, headers={"Content-Type": content_type, **given}
        )

    def call(self, method: str, /, **request: Json) -> Json:
        response = self.raw(method, json.dumps(request).encode(), "application/json")
        assert response.status_code == 200, response.text
        return response.json()

    def refused(self, method: str, body: bytes | None = None, /, **request: Json) -> Json:
        """Returns the error of a call that must fail, with its HTTP status as `status`."""
        raw = json.dumps(request).encode() if body is None else body
        response = self.raw(method, raw, "application/json")
        assert response.status_code != 200
        assert response.headers["content-type"] == "application/json"
        return {**response.json(), "status": response.status_code}

    def stream(self, method: str, /, **request: Json) -> Streamed:
        body = enveloped(json.dumps(request).encode())
        response = self.raw(method, body, "application/connect+json")
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/connect+json"
        return ended(iter([response.content]))

    def new_run(self) -> str:
        run_id = f"{next(_numbers):032x}"
        self.call("RunService/CreateRun", runId=run_id, experimentId="0", name="run")
        return run_id

    def log(self, run_id: str, key: str, values: list[float | str]) -> None:
        points = [
            {"key": key, "value": value, "step": str(step), "timeUnixUs": str(1000 + step)}
            for step, value in enumerate(values)
        ]
        self.call("MetricService/LogMetrics", runId=run_id, points=points)


def reason(error: Json) -> str:
    """Returns the reason in an error's ErrorInfo."""
    detail = error["details"][0]
    assert detail["type"] == "google.rpc.ErrorInfo"
    found: str = detail["debug"]["reason"]
    return found
