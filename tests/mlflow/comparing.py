"""Sends requests to both servers and compares what they answer."""

import json
import re
from typing import Any

import httpx

from tests.mlflow.cases import Case, Json, Request, post, saving

TIMES = {
    "creation_time",
    "last_update_time",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
    "last_updated",
}
TOKENS = {"next_page_token"}
FREE_TEXTS = {"message", "sqlstate", "error_class"}
MADE_UP_NAME = re.compile(r"[a-z]+-[a-z]+-[0-9]+")
PHRASES = [
    re.compile(pattern)
    for pattern in (
        r"Invalid value .*? for parameter '[^']*' supplied",
        r"Missing value for required parameter '[^']*'",
        r"Run with id=\S+ not found",
        r"No Experiment with id=\S+",
        r"Could not find experiment with name '[^']*'",
        r"must be in the 'active' state. Current state is deleted",
        r"Changing param values is not allowed",
        r"No tag with name: .* in \w+ with id \S+",
        r"already exists",
        r"exceeds the maximum length of \d+ characters",
        r"Content-Type header is missing",
        r"Content-Type must be one of \['application/json'\]",
        r"Duplicate parameter keys have been submitted",
        r"A batch logging request can contain at most \d+ [a-z, ]+\. Got \d+",
        r"Invalid experiment ID '[^']*'",
        r"Invalid page token",
        r"is missing mandatory fields",
        r"Both 'run_name' argument and 'mlflow.runName' tag are specified",
    )
]
"""Phrases of messages that clients and their tests look for."""


class Server:
    """One of the two servers, and what a case has made there."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def begin(self, name: str) -> None:
        """Forgets the case before; `{name}` is this one's, for what must be unique."""
        self._known = {"name": name}

    def send(self, request: Request) -> httpx.Response:
        """Sends a request, in which names stand for what is known here."""
        content: Any = self._filled(request.body)
        arguments: dict[str, Any] = {"headers": dict(request.headers)}
        if isinstance(content, str):
            arguments["content"] = content.encode()
        elif content is not None:
            arguments["json"] = content
        if request.query:
            arguments["params"] = self._filled(request.query)
        path = str(self._filled(request.path))
        answer = self._client.request(request.method, path, **arguments)
        for name, place in request.saves.items():
            found: Any = answer.json()
            for key in place.split("."):
                found = found[int(key)] if isinstance(found, list) else found[key]
            self._known[name] = str(found)
        return answer

    def normal(self, answer: httpx.Response) -> Json:
        """Returns an answer without what differs from server to server by nature."""
        text = answer.text
        for name, value in sorted(self._known.items(), key=lambda item: -len(item[1])):
            if len(value) > 4:
                text = text.replace(value, f"<{name}>")
        try:
            return _normal(json.loads(text), "", self._known)
        except ValueError:
            return text

    def _filled(self, given: Json) -> Json:
        if isinstance(given, str):
            return re.sub(r"\{(\w+)\}", lambda m: self._known.get(m[1], m[0]), given)
        if isinstance(given, list):
            return [self._filled(each) for each in given]
        if isinstance(given, dict):
            return {self._filled(k): self._filled(v) for k, v in given.items()}
        return given


def _normal(value: Json, key: str, known: dict[str, str]) -> Json:  # noqa: PLR0911 - by kind
    if isinstance(value, dict):
        return {k: _normal(v, k, known) for k, v in value.items() if k not in FREE_TEXTS}
    if isinstance(value, list):
        shown = [_normal(each, key, known) for each in value]
        labels = all(isinstance(each, dict) and "key" in each for each in shown)
        # The order of labels says nothing; that of points and of pages does.
        return sorted(shown, key=lambda each: str(each["key"])) if labels else shown
    if key in TIMES and isinstance(value, int):
        return "<time>"
    if key in TOKENS:
        return "<token>"
    if key in {"experiment_id", "artifact_location", "artifact_uri"} and isinstance(value, str):
        names = {known[name]: f"<{name}>" for name in known}
        return "/".join(names.get(part, part) for part in value.split("/"))
    if isinstance(value, str) and MADE_UP_NAME.fullmatch(value):
        return "<made-up name>"
    return value


def beginning() -> list[Request]:
    """Makes what every case starts with."""
    experiment = post("experiments/create", {"name": "{name}"})
    run = {"experiment_id": "{exp}", "start_time": 1000, "run_name": "first", "user_id": "ann"}
    return [
        saving(experiment, exp="experiment_id"),
        saving(post("runs/create", run), run="run.info.run_id"),
    ]


def differences(case: Case, number: int, own: Server, reference: Server) -> list[str]:
    """Returns what is different in a case beyond what it names."""
    name = f"case {number}"
    own.begin(name)
    reference.begin(name)
    found: list[str] = []
    for place, request in enumerate([*beginning(), *case.requests]):
        theirs, ours = reference.send(request), own.send(request)
        problem = _problem(request, theirs, ours, reference.normal(theirs), own.normal(ours))
        if problem:
            what = f"{request.method} {request.path} {request.query or ''} {request.body!r:.300}"
            found.append(f"request {place - 1}: {what}\n{problem}")
    return found


def _problem(
    request: Request, theirs: httpx.Response, ours: httpx.Response, expected: Json, answer: Json
) -> str:
    given = "\n".join(
        f"  {who}: {one.status_code} {one.text:.700}"
        for who, one in (("MLflow", theirs), ("own", ours))
    )
    same = (theirs.status_code, expected) == (ours.status_code, answer)
    lacking = _lacking(theirs, ours) if same else ""
    difference = request.difference
    if difference is None:
        return given + lacking if lacking or not same else ""
    if same and not lacking:
        return f"{given}\n  the difference is gone: {difference.why}"
    code = answer.get("error_code") if isinstance(answer, dict) else None
    right = difference.status in {None, ours.status_code}
    right = right and difference.error_code in {None, code}
    return "" if right else f"{given}\n  not the difference that is named: {difference.why}"


def _lacking(theirs: httpx.Response, ours: httpx.Response) -> str:
    if theirs.status_code < httpx.codes.BAD_REQUEST:
        return ""
    message, own_message = theirs.json()["message"], ours.json()["message"]
    for phrase in PHRASES:
        match = phrase.search(message)
        if match and match[0] not in own_message and not phrase.search(own_message):
            return f"\n  the message lacks {match[0]!r}"
    return ""
