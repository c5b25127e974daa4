"""What runs log over MLflow's API: metrics, params, tags."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runstream_server.core import reserved_tags
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.metrics import Metrics
from runstream_server.core.runs import Runs
from runstream_server.gateway.mlflow.errors import MlflowError, invalid_value, not_found
from runstream_server.gateway.mlflow.limits import (
    MAX_BATCH_ENTITIES,
    MAX_BATCH_LABELS,
    MAX_BATCH_METRICS,
    check_count,
    check_key,
    cut_param,
    cut_tag,
)
from runstream_server.gateway.mlflow.metric_columns import (
    MetricColumns,
    checked_metrics,
    plain_metrics,
)
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.runs import RUN_ID
from runstream_server.gateway.mlflow.shapes import (
    Message,
    Shape,
    double,
    int64,
    messages,
    read_body,
    read_message,
    text,
)

__all__ = ["LoggingRoutes"]

METRIC: Final = (
    text("key", required=True),
    double("value", required=True),
    int64("timestamp", required=True),
    int64("step"),
    text("model_id"),
    text("dataset_name"),
    text("dataset_digest"),
)
LABEL: Final = Shape(text("key", required=True), text("value"))
LOG_METRIC: Final = Shape(RUN_ID, *METRIC)
LOG_LABEL: Final = Shape(RUN_ID, text("key", required=True), text("value"))
DELETE_TAG: Final = Shape(RUN_ID, text("key", required=True))
METRICS: Final = Shape(messages("metrics", Shape(*METRIC)))
BATCH_BEFORE: Final = Shape(RUN_ID)
BATCH_AFTER: Final = Shape(messages("params", LABEL), messages("tags", LABEL))

_RUN_ID: Final = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")


class LoggingRoutes:
    """Serves `runs/log-*`, `set-tag` and `delete-tag`."""

    def __init__(self, runs: Runs, metrics: Metrics) -> None:
        self._runs = runs
        self._metrics = metrics

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [
            tracking("POST", "/runs/log-batch", self.log_batch),
            tracking("POST", "/runs/log-metric", self.log_metric),
            tracking("POST", "/runs/log-parameter", self.log_param),
            tracking("POST", "/runs/set-tag", self.set_tag),
            tracking("POST", "/runs/delete-tag", self.delete_tag),
        ]

    async def log_metric(self, request: Request) -> Response:
        """Logs one point; the same again makes no difference."""
        message = await read_message(request, LOG_METRIC)
        await self._log_metrics(message.text("run_id"), checked_metrics([message], ""))
        return JSONResponse({})

    async def log_param(self, request: Request) -> Response:
        """Logs a param; again with the same value is right, with another one is not."""
        message = await read_message(request, LOG_LABEL)
        params = _params([message], "")
        await self._runs.log(message.text("run_id"), params=params)
        return JSONResponse({})

    async def set_tag(self, request: Request) -> Response:
        """Sets a tag over the one of the same key."""
        message = await read_message(request, LOG_LABEL)
        await self._runs.log(message.text("run_id"), tags=_tags([message], ""))
        return JSONResponse({})

    async def delete_tag(self, request: Request) -> Response:
        """Deletes a tag."""
        message = await read_message(request, DELETE_TAG)
        run_id, key = message.text("run_id"), message.text("key")
        try:
            await self._runs.delete_tags(run_id, [key])
        except Failure as failure:
            if failure.reason is Reason.TAG_NOT_FOUND:
                raise not_found(f"No tag with name: {key} in run with id {run_id}") from None
            raise
        return JSONResponse({})

    async def log_batch(self, request: Request) -> Response:
        """Logs params and tags, all or none of them, then metrics; nothing if anything is wrong."""
        document = await read_body(request)
        run_id = BATCH_BEFORE.read(document).text("run_id")
        metrics = _batch_metrics(document)
        labels = BATCH_AFTER.read(document)
        if not _RUN_ID.fullmatch(run_id):
            raise invalid_value("run_id", run_id)
        params = _params(labels.messages("params"), "params")
        tags = _tags(labels.messages("tags"), "tags")
        _check_counts(len(metrics), labels)
        _check_distinct(labels.messages("params"))
        if metrics.of_models and (params or tags):
            await self._metrics.check_of_models(run_id, metrics.of_models)
        if params or tags or not len(metrics):
            await self._runs.log(run_id, params=params, tags=tags)
        if len(metrics):
            await self._log_metrics(run_id, metrics)
        return JSONResponse({})

    async def _log_metrics(self, run_id: str, metrics: MetricColumns) -> None:
        await self._metrics.log_columns(
            run_id,
            metrics.keys,
            metrics.step,
            metrics.time_us,
            metrics.value,
            of_models=metrics.of_models,
        )


def _batch_metrics(document: object) -> MetricColumns:
    given = cast("dict[str, Any]", document).get("metrics", [])
    plain = plain_metrics(given)
    if plain is not None:
        return plain
    return checked_metrics(METRICS.read(document).messages("metrics"), "metrics")


def _check_counts(metrics: int, labels: Message) -> None:
    params, tags = len(labels.messages("params")), len(labels.messages("tags"))
    check_count("metrics", metrics, MAX_BATCH_METRICS)
    check_count("params", params, MAX_BATCH_LABELS)
    check_count("tags", tags, MAX_BATCH_LABELS)
    check_count("metrics, params, and tags", metrics + params + tags, MAX_BATCH_ENTITIES)


def _check_distinct(params: Sequence[Message]) -> None:
    counts = Counter(one.text("key") for one in params)
    twice = [key for key, count in counts.items() if count > 1]
    if twice:
        raise MlflowError(
            f"Duplicate parameter keys have been submitted: {twice}; send one value for each."
        )


def _params(labels: Sequence[Message], path: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for number, label in enumerate(labels):
        where = f"{path}[{number}].key" if path else "key"
        params[check_key(where, label.text("key"), "Param key")] = cut_param(label.text("value"))
    return params


def _tags(labels: Sequence[Message], path: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for number, label in enumerate(labels):
        where = f"{path}[{number}].key" if path else "key"
        tags[check_key(where, label.text("key"), where)] = cut_tag(label.text("value"))
    if tags.get(reserved_tags.RUN_NAME) == "":
        del tags[reserved_tags.RUN_NAME]  # a run keeps its name rather than have none
    return tags
