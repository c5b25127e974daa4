"""The HTTP door: what it serves, and what stands before that.

Further doors (MLflow's REST API, the services of gRPC, the web UI) are routes here.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from runstream_server.core.instruments import Instruments
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.gateway.access import AccessLog
from runstream_server.gateway.answers import error_answer
from runstream_server.gateway.guards import LOCAL_ORIGIN, BodyLimit, HostGuard, OriginGuard

__all__ = ["Gateway", "build"]

NOT_FOUND: Final = 404
METHOD_NOT_ALLOWED: Final = 405
ERROR_CODES: Final = {NOT_FOUND: "ENDPOINT_NOT_FOUND", METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED"}

BODY_LIMITS: Final[dict[str, int | None]] = {
    "/api/2.0/mlflow/": 64 * 1024 * 1024,
    "/ajax-api/2.0/mlflow/": 64 * 1024 * 1024,
    "/api/2.0/mlflow-artifacts/": None,
    "/ajax-api/2.0/mlflow-artifacts/": None,
    "/runstream.v1.": None,
}
"""How long bodies may be by how paths begin, the first that fits; None for any length.

The profile of one dataset alone may have 16 MiB over MLflow's API. Artifacts are taken piece by
piece, so they need no limit. The services of gRPC have their own, in their own words.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """What the HTTP door needs.

    Attributes:
        version: The server's version.
        grpc_address: Where gRPC is, for those who look for the API here.
        instruments: What `/metrics` shows, and where requests are counted.
        trouble: Why the server should get no requests for now, in a few words; empty if it may.
        allowed_hosts: Patterns of names that requests may address beside the local ones, `*` for
            any text; None allows every name.
    """

    version: str
    grpc_address: str
    instruments: Instruments
    trouble: Callable[[], str]
    allowed_hosts: Sequence[str] | None


def build(gateway: Gateway, further_routes: Sequence[BaseRoute] = ()) -> ASGIApp:
    """Builds the ASGI application."""

    async def health(_request: Request) -> Response:
        trouble = gateway.trouble()
        return PlainTextResponse(trouble or "OK", 503 if trouble else 200)

    async def version(_request: Request) -> Response:
        return PlainTextResponse(gateway.version)

    async def metrics(_request: Request) -> Response:
        text = generate_latest(gateway.instruments.registry)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    routes = [
        Route("/health", health),
        Route("/version", version),
        Route("/metrics", metrics),
        *further_routes,
    ]
    limits = {**BODY_LIMITS, "": MAX_MESSAGE_BYTES}
    shared = Middleware(
        CORSMiddleware,
        allow_origin_regex=LOCAL_ORIGIN.pattern,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["*"],
    )
    guards = [shared, Middleware(OriginGuard), Middleware(BodyLimit, max_bytes=limits)]
    if gateway.allowed_hosts is not None:
        guards.insert(0, Middleware(HostGuard, patterns=gateway.allowed_hosts))
    inner = Starlette(routes=routes, middleware=guards)
    inner.add_exception_handler(HTTPException, _http_error(gateway.grpc_address))
    inner.add_exception_handler(Exception, _defect)
    return AccessLog(inner, gateway.instruments.http)


def _http_error(grpc_address: str) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        message = str(getattr(error, "detail", ""))
        if status == NOT_FOUND:
            message = (
                f"there is nothing at {request.method} {request.url.path}; this port has the web"
                " UI at /, MLflow's REST API for tracking, the full API by POST to"
                " /runstream.v1.SERVICE/METHOD, "
                f"/health, /version and /metrics; gRPC is on {grpc_address}"
            )
        elif status == METHOD_NOT_ALLOWED:
            message = f"{request.url.path} does not take {request.method}"
        response = error_answer(status, ERROR_CODES.get(status, "BAD_REQUEST"), message)
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    return answer


async def _defect(request: Request, error: Exception) -> Response:
    request_id = secrets.token_hex(8)
    fields = {"path": request.url.path, "request_id": request_id}
    _log.error("http_defect", exc_info=error, extra=fields)
    return error_answer(
        500,
        "INTERNAL_ERROR",
        f"the server failed; its log has the details under request id {request_id}",
    )
