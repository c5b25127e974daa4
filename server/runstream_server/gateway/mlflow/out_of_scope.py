"""Answers what MLflow's API has and this server has not, in MLflow's form.

Clients take an ENDPOINT_NOT_FOUND for an older server's answer and go on without what they asked
for; so this must never be a 5xx, which they would repeat.
"""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from runstream_server.gateway.answers import error_answer
from runstream_server.gateway.mlflow.errors import ErrorCode
from runstream_server.gateway.mlflow.routing import Endpoint

__all__ = ["fallback_routes", "server_info"]

PREFIXES: Final = ("/api/2.0/", "/api/3.0/", "/ajax-api/2.0/", "/ajax-api/3.0/")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
REGISTRY: Final = "the model registry"
SUBJECTS: Final = (
    ("registered-models", REGISTRY),
    ("model-versions", REGISTRY),
    ("unity-catalog", REGISTRY),
    ("prompt", "prompts"),
    ("trace", "traces"),
    ("span", "traces"),
    ("assessments", "traces"),
    ("gateway", "the AI gateway"),
    ("endpoints", "the AI gateway"),
    ("scorers", "evaluation"),
    ("evaluation", "evaluation"),
    ("datasets", "evaluation datasets"),
    ("workspaces", "workspaces"),
    ("webhooks", "webhooks"),
    ("jobs", "jobs"),
    ("users", "users and permissions"),
    ("permissions", "users and permissions"),
    ("graphql", "GraphQL"),
)


def fallback_routes() -> list[BaseRoute]:
    """Returns routes that come after all others of MLflow's API."""
    paths = ["/graphql", *(f"{prefix}{{rest:path}}" for prefix in PREFIXES)]
    return [Route(path, _out_of_scope, methods=METHODS) for path in paths]


def server_info(*, multipart_uploads: bool, multipart_downloads: bool) -> Endpoint:
    """Returns the endpoint by which clients learn what a server can do.

    Args:
        multipart_uploads: Whether large files may be uploaded in parts.
        multipart_downloads: Whether they may be downloaded by addresses made for that.
    """
    content = {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": multipart_uploads,
        "multipart_downloads_enabled": multipart_downloads,
        "presigned_upload_run_id_supported": False,
        "presigned_upload_model_id_supported": False,
        "features_enabled": {"gateway": False},
    }

    async def answer(_request: Request) -> Response:
        return JSONResponse(content)

    paths = ("/api/3.0/mlflow/server-info", "/ajax-api/3.0/mlflow/server-info")
    return Endpoint("GET", paths, answer)


async def _out_of_scope(request: Request) -> Response:
    path = request.url.path
    subject = next((name for word, name in SUBJECTS if word in path), None)
    if subject is None:
        raise HTTPException(404)  # the gateway says what there is
    message = (
        f"{request.method} {path} is not served: this is a tracking server, and {subject} is"
        " out of its scope. Experiments, runs, metrics, artifacts and logged models work."
    )
    if subject == REGISTRY:
        message += (
            " A model that was logged stays logged; log models without registered_model_name."
        )
    return error_answer(404, ErrorCode.ENDPOINT_NOT_FOUND, message)
