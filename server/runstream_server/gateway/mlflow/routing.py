"""From endpoints to routes: where they are, which methods they take, how they fail.

A subject lists its endpoints::

    class Models:
        def endpoints(self) -> list[Endpoint]:
            return [
                tracking("POST", "/logged-models", self.create),
                tracking("GET", "/logged-models/{model_id}", self.get),  # request.path_params
                Endpoint("GET", ("/get-artifact",), self.download),  # absolute, as it is
            ]

A handler is `async def (request) -> Response`; it may raise MlflowError or the core's Failure, both
of which become answers. Exact paths are looked up in one step, those with parameters are tried one
after another.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from starlette.convertors import Convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, compile_path
from starlette.types import Receive, Scope, Send

from runstream_server.core.outages import failure_in
from runstream_server.gateway.answers import error_answer
from runstream_server.gateway.mlflow.errors import ErrorCode, MlflowError, error_of

__all__ = ["API", "UI_API", "Endpoint", "EndpointTable", "Handler", "tracking"]

API: Final = "/api/2.0/mlflow"
UI_API: Final = "/ajax-api/2.0/mlflow"
"""Where MLflow's own web pages look for the API."""

_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers a method at some paths, which may have parameters as Starlette writes them."""

    method: str
    paths: tuple[str, ...]
    handle: Handler


def tracking(method: str, path: str, handle: Handler) -> Endpoint:
    """Returns an endpoint of the tracking API, for clients and for web pages."""
    return Endpoint(method, (API + path, UI_API + path), handle)


@dataclass(frozen=True, slots=True)
class _Pattern:
    regex: Any
    convertors: dict[str, Convertor[Any]]
    methods: dict[str, Handler]


class EndpointTable(BaseRoute):
    """All endpoints as one route."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._exact: dict[str, dict[str, Handler]] = {}
        by_pattern: dict[str, dict[str, Handler]] = {}
        for endpoint in endpoints:
            for path in endpoint.paths:
                table = by_pattern if "{" in path else self._exact
                table.setdefault(path, {})[endpoint.method] = endpoint.handle
        self._patterns: list[_Pattern] = []
        for path, methods in by_pattern.items():
            regex, _, convertors = compile_path(path)
            self._patterns.append(_Pattern(regex, convertors, methods))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http":
            return Match.NONE, {}
        methods = self._exact.get(scope["path"])
        if methods is not None:
            return Match.FULL, {"mlflow_methods": methods}
        for pattern in self._patterns:
            found = pattern.regex.match(scope["path"])
            if found:
                parameters = {
                    name: pattern.convertors[name].convert(value)
                    for name, value in found.groupdict().items()
                }
                return Match.FULL, {
                    "mlflow_methods": pattern.methods,
                    "path_params": parameters,
                }
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        methods: dict[str, Handler] = scope["mlflow_methods"]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        handler = methods.get(method)
        if handler is None:
            response = _wrong_method(scope["path"], scope["method"], sorted(methods))
        else:
            response = await answered(handler, Request(scope, receive, send))
        await response(scope, receive, send)


async def answered(handler: Handler, request: Request) -> Response:
    """Returns a handler's answer, or the one that says how it failed."""
    try:
        return await handler(request)
    except MlflowError as error:
        return error.answer()
    except Exception as error:
        failure = failure_in(error)
        if failure is None:
            raise
        if failure is not error:
            fields = {"method": request.method, "path": request.url.path}
            _log.error("storage_failed", exc_info=error, extra=fields)
        return error_of(failure).answer()


def _wrong_method(path: str, method: str, allowed: list[str]) -> Response:
    methods = ", ".join(allowed)
    message = f"{path} does not take {method}, but {methods}"
    response = error_answer(405, ErrorCode.ENDPOINT_NOT_FOUND, message)
    response.headers["Allow"] = methods
    return response
