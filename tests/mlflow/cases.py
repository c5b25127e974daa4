"""What is compared: cases of several requests, as tables.

A case starts with an experiment `{exp}` and a run `{run}` in it. Requests name what earlier ones
made as `{name}`; answers are compared after ids, times and made-up names became placeholders::

    Case(
        "a tag that is set twice has the last value",
        post("runs/set-tag", {"run_id": "{run}", "key": "k", "value": "1"}),
        post("runs/set-tag", {"run_id": "{run}", "key": "k", "value": "2"}),
        get("runs/get", run_id="{run}"),
    )

To add a subject, make a module with a list `CASES` and name it in test_same_answers.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

__all__ = [
    "Case",
    "Difference",
    "Json",
    "Request",
    "delete",
    "differs",
    "get",
    "patch",
    "post",
    "saving",
]

API = "/api/2.0/mlflow/"

Json: TypeAlias = Any
"""Whatever JSON can hold."""


@dataclass(frozen=True)
class Difference:
    """What this server answers instead, and why. None means that it is not looked at."""

    why: str
    status: int | None = None
    error_code: str | None = None


@dataclass(frozen=True)
class Request:
    """One request. A text body is sent as it is, anything else as JSON."""

    method: str
    path: str
    body: Json = None
    query: Json = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    saves: Mapping[str, str] = field(default_factory=dict[str, str])
    difference: Difference | None = None


@dataclass(frozen=True)
class Case:
    """Requests that are sent to both servers, one after another."""

    name: str
    requests: tuple[Request, ...]

    def __init__(self, name: str, *requests: Request) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "requests", requests)


def get(path: str, /, **query: Json) -> Request:
    """A GET; lists are repeated arguments."""
    return Request("GET", _absolute(path), query=query)


def post(path: str, body: Json = None) -> Request:
    """A POST of JSON."""
    return Request("POST", _absolute(path), body={} if body is None else body)


def patch(path: str, body: Json) -> Request:
    """A PATCH of JSON."""
    return Request("PATCH", _absolute(path), body=body)


def delete(path: str, body: Json = None) -> Request:
    """A DELETE, with JSON if there is any."""
    return Request("DELETE", _absolute(path), body=body)


def saving(request: Request, **places: str) -> Request:
    """Remembers parts of the answer, at places like `run.info.run_id`, under names."""
    return replace(request, saves=places)


def differs(
    request: Request, why: str, status: int | None = None, error_code: str | None = None
) -> Request:
    """Says how this server's answer differs, and why."""
    return replace(request, difference=Difference(why, status, error_code))


def _absolute(path: str) -> str:
    return path if path.startswith("/") else API + path
