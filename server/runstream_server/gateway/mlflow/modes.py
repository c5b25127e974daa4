"""Endpoints that a server's flags turn off."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from runstream_server.gateway.mlflow.routing import Endpoint

__all__ = ["ARTIFACTS_ONLY", "NO_SERVE_ARTIFACTS", "turned_off"]

ARTIFACTS_ONLY: Final = "in `--artifacts-only` mode"
NO_SERVE_ARTIFACTS: Final = "with `--no-serve-artifacts`"
SERVICE_UNAVAILABLE: Final = 503


def turned_off(endpoints: Iterable[Endpoint], mode: str) -> list[Endpoint]:
    """Returns endpoints that answer in MLflow's words that the server runs in a mode without them.

    The answer is a plain text, as MLflow's is.
    """

    async def refuse(request: Request) -> Response:
        text = (
            f"Endpoint: {request.url.path} disabled due to the mlflow server running {mode}."
            " Ask a server that runs without it."
        )
        return PlainTextResponse(text, SERVICE_UNAVAILABLE)

    return [replace(endpoint, handle=refuse) for endpoint in endpoints]
