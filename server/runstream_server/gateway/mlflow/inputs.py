"""What runs read and make, over MLflow's API."""

import re
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runstream_server.core.dataset_search import DatasetSummary
from runstream_server.core.experiments import Experiments
from runstream_server.core.limits import (
    MAX_DATASET_DIGEST_LENGTH,
    MAX_DATASET_NAME_LENGTH,
    MAX_DATASET_PROFILE_LENGTH,
    MAX_DATASET_SCHEMA_LENGTH,
    MAX_DATASET_SOURCE_LENGTH,
    MAX_INPUT_TAG_KEY_LENGTH,
    MAX_INPUT_TAG_VALUE_LENGTH,
)
from runstream_server.core.runs import Dataset, DatasetInput, ModelOutput, Runs
from runstream_server.core.search.pages import PageRequest
from runstream_server.gateway.mlflow.errors import MlflowError, bad_request, invalid_value
from runstream_server.gateway.mlflow.limits import check_length, parse_experiment_id
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.runs import RUN_ID
from runstream_server.gateway.mlflow.shapes import (
    Message,
    Shape,
    int64,
    message,
    messages,
    read_message,
    text,
    texts,
)

__all__ = ["InputRoutes"]

MAX_SEARCHED_EXPERIMENTS: Final = 20
MAX_SUMMARIES: Final = 1_000

DATASET: Final = Shape(
    text("name", required=True),
    text("digest", required=True),
    text("source_type"),
    text("source"),
    text("schema"),
    text("profile"),
)
TAG: Final = Shape(text("key", required=True), text("value"))
DATASET_INPUT: Final = Shape(message("dataset", DATASET, required=True), messages("tags", TAG))
MODEL_INPUT: Final = Shape(text("model_id", required=True))
MODEL_OUTPUT: Final = Shape(text("model_id", required=True), int64("step"))
LOG_INPUTS: Final = Shape(
    RUN_ID, messages("datasets", DATASET_INPUT), messages("models", MODEL_INPUT)
)
LOG_OUTPUTS: Final = Shape(RUN_ID, messages("models", MODEL_OUTPUT, required=True))
SEARCH: Final = Shape(texts("experiment_ids"))

_RUN_ID: Final = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}")
_LENGTHS: Final = {
    "name": MAX_DATASET_NAME_LENGTH,
    "digest": MAX_DATASET_DIGEST_LENGTH,
    "source": MAX_DATASET_SOURCE_LENGTH,
    "schema": MAX_DATASET_SCHEMA_LENGTH,
    "profile": MAX_DATASET_PROFILE_LENGTH,
}


class InputRoutes:
    """Serves `runs/log-inputs`, `runs/outputs` and `experiments/search-datasets`."""

    def __init__(self, runs: Runs, experiments: Experiments) -> None:
        self._runs = runs
        self._experiments = experiments

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [
            tracking("POST", "/runs/log-inputs", self.log_inputs),
            tracking("POST", "/runs/outputs", self.log_outputs),
            tracking("POST", "/experiments/search-datasets", self.search_datasets),
        ]

    async def log_inputs(self, request: Request) -> Response:
        """Logs datasets and models that a run read; what it has stays as it is."""
        given = await read_message(request, LOG_INPUTS)
        run_id = given.text("run_id")
        if not _RUN_ID.fullmatch(run_id):
            raise invalid_value("run_id", run_id)
        datasets = [_dataset_input(each) for each in given.messages("datasets")]
        models = [each.text("model_id") for each in given.messages("models")]
        await self._runs.log_inputs(run_id, datasets, models)
        return JSONResponse({})

    async def log_outputs(self, request: Request) -> Response:
        """Logs models that a run made; again makes no difference."""
        given = await read_message(request, LOG_OUTPUTS)
        outputs = [
            ModelOutput(each.text("model_id"), each.integer("step"))
            for each in given.messages("models")
        ]
        await self._runs.log_outputs(given.text("run_id"), outputs)
        return JSONResponse({})

    async def search_datasets(self, request: Request) -> Response:
        """Returns the datasets that runs of experiments read, each once for every context."""
        ids = (await read_message(request, SEARCH)).texts("experiment_ids")
        if not ids:
            raise MlflowError("SearchDatasets request must specify at least one experiment_id.")
        if len(ids) > MAX_SEARCHED_EXPERIMENTS:
            raise MlflowError(
                "SearchDatasets request cannot specify more than"
                f" {MAX_SEARCHED_EXPERIMENTS} experiment_ids, but has {len(ids)}; send several."
            )
        page = await self._experiments.datasets(
            [parse_experiment_id(id_) for id_ in ids], PageRequest(MAX_SUMMARIES)
        )
        found = [_summary_json(each) for each in page.items]
        return JSONResponse({"dataset_summaries": found} if found else {})


def _dataset_input(given: Message) -> DatasetInput:
    dataset = given.message("dataset")
    for name, limit in _LENGTHS.items():
        check_length(name, dataset.text(name), limit)
    tags: dict[str, str] = {}
    for tag in given.messages("tags"):
        key = check_length("key", tag.text("key"), MAX_INPUT_TAG_KEY_LENGTH)
        if key in tags:
            raise bad_request(f"The tag {key!r} of an input is there twice; send each tag once.")
        tags[key] = check_length("value", tag.text("value"), MAX_INPUT_TAG_VALUE_LENGTH)
    return DatasetInput(
        Dataset(
            name=dataset.text("name"),
            digest=dataset.text("digest"),
            source_type=dataset.text("source_type"),
            source=dataset.text("source"),
            schema=dataset.text("schema") or None,
            profile=dataset.text("profile") or None,
        ),
        tags,
    )


def _summary_json(summary: DatasetSummary) -> dict[str, Any]:
    shown = {
        "experiment_id": str(summary.experiment_id),
        "name": summary.name,
        "digest": summary.digest,
    }
    if summary.context is not None:
        shown["context"] = summary.context
    return shown
