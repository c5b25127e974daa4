"""What the tests of artifacts send and expect."""

import http.client
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

from tests.support.server import ServerProcess

ROOT = "/api/2.0/mlflow-artifacts/artifacts"
API = "/api/2.0/mlflow"
UI_API = "/ajax-api/2.0/mlflow"
DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever was answered
        return json.loads(self.data)

    @property
    def error(self) -> tuple[int, str, str]:
        document = self.json
        return self.status, document["error_code"], document["message"]


class ArtifactClient:
    """Sends requests whose paths nobody changes on the way, as hostile ones are."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self._connection = http.client.HTTPConnection(server.http_address, timeout=DEADLINE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        **headers: str,
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            named["Transfer-Encoding"] = "chunked"
        self._connection.request(method, path, body, named, encode_chunked=chunked)
        response = self._connection.getresponse()
        data = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, data)

    def put(self, path: str, body: bytes | Iterable[bytes] = b"data") -> Answer:
        return self.send("PUT", f"{ROOT}/{quote(path)}", body)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", f"{ROOT}/{quote(path)}", None, **headers)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", f"{ROOT}/{quote(path)}")

    def listed(self, path: str | None = None) -> Any:  # noqa: ANN401 - whatever was answered
        answer = self.ask(ROOT, **({} if path is None else {"path": path}))
        assert answer.status == 200, answer
        return answer.json

    def ask(self, path: str, /, **arguments: str) -> Answer:
        return self.send("GET", f"{path}?{urlencode(arguments)}" if arguments else path)

    def post(self, path: str, document: Mapping[str, object]) -> Answer:
        body = json.dumps(document).encode()
        return self.send("POST", path, body, Content_Type="application/json")

    def new_run(self, experiment_id: str = "0") -> dict[str, Any]:
        answer = self.post(f"{API}/runs/create", {"experiment_id": experiment_id})
        assert answer.status == 200, answer
        info: dict[str, Any] = answer.json["run"]["info"]
        return info

    def staged(self) -> list[str]:
        """Returns what uploads under way, or broken off, hold in the store."""
        area = self.server.data_dir / "artifacts" / ".uploads"
        return [str(path) for path in area.iterdir()] if area.exists() else []

    def wait_until_nothing_is_staged(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while self.staged():
            assert time.monotonic() < deadline, self.staged()
            time.sleep(0.01)
