"""The tag in which runs keep which models they logged, for clients before logged models."""

import json
from collections.abc import Mapping
from typing import Any, Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runstream_server.core.runs import Runs
from runstream_server.gateway.mlflow.errors import MlflowError
from runstream_server.gateway.mlflow.limits import check_length
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.runs import RUN_ID
from runstream_server.gateway.mlflow.shapes import Shape, read_message, text

__all__ = ["LogModelRoutes"]

HISTORY_TAG: Final = "mlflow.log-model.history"
MAX_HISTORY_CHARS: Final = 1_000_000
LOG_MODEL: Final = Shape(RUN_ID, text("model_json", required=True))
REQUIRED: Final = ("artifact_path", "flavors", "run_id", "utc_time_created")
KEPT: Final = ("run_id", "artifact_path", "utc_time_created", "model_uuid")


class LogModelRoutes:
    """Serves `runs/log-model`."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [tracking("POST", "/runs/log-model", self.log_model)]

    async def log_model(self, request: Request) -> Response:
        """Adds a model to the run's tag; one that is there already is not added again."""
        message = await read_message(request, LOG_MODEL)
        entry = _entry(message.text("model_json"))

        def edit(stored: str | None) -> str:
            try:
                entries = json.loads(stored or "[]")
            except (ValueError, RecursionError):
                entries = []
            known = cast("list[object]", entries) if isinstance(entries, list) else []
            text = json.dumps(known if entry in known else [*known, entry])
            return check_length(HISTORY_TAG, text, MAX_HISTORY_CHARS)

        await self._runs.edit_tag(message.text("run_id"), HISTORY_TAG, edit)
        return JSONResponse({})


def _entry(model_json: str) -> dict[str, Any]:
    try:
        model: object = json.loads(model_json)
    except (ValueError, RecursionError):
        model = None
    if not isinstance(model, dict):
        raise MlflowError(
            f"Malformed model info: {model_json[:200]!r} is not a valid JSON object; send the"
            " content of the model's MLmodel file as one."
        )
    given = cast("dict[str, Any]", model)
    missing = [name for name in REQUIRED if name not in given]
    if missing:
        raise MlflowError(f"Model json is missing mandatory fields: {missing}; set them all.")
    flavors: object = given["flavors"]
    if not isinstance(flavors, dict):
        raise MlflowError("The field 'flavors' of the model json must be an object.")
    kept = {name: given[name] for name in KEPT if given.get(name) is not None}
    by_name = cast("dict[str, Any]", flavors)
    kept["flavors"] = {name: _without_config(flavor) for name, flavor in by_name.items()}
    return kept


def _without_config(flavor: object) -> object:
    if not isinstance(flavor, dict):
        return flavor
    settings = cast("Mapping[str, Any]", flavor)
    return {key: value for key, value in settings.items() if key != "config"}
