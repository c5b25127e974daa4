"""Datasets, and models that runs read and made."""

from typing import Any

from tests.mlflow.cases import Case, Request, differs, get, post

RUN = {"run_id": "{run}"}
GET = get("runs/get", **RUN)
DATASET = {"name": "d", "digest": "g", "source_type": "local", "source": "{}"}
CONTEXT = {"key": "mlflow.data.context", "value": "training"}
UI = "/ajax-api/2.0/mlflow/experiments/search-datasets"
ONCE_MORE = "what was logged before is logged again by a client that repeats a request"
HALF_READ = "what is missing or does not fit is refused, never half used"
EMPTY = "a required text cannot be empty"


def read(*tags: dict[str, str], **dataset: object) -> dict[str, Any]:
    """A dataset input."""
    return {"dataset": {**DATASET, **dataset}, "tags": list(tags)}


def inputs(*datasets: object, **fields: object) -> Request:
    """Logs inputs."""
    return post("runs/log-inputs", {**RUN, "datasets": list(datasets), **fields})


def outputs(*models: object) -> Request:
    """Logs outputs."""
    return post("runs/outputs", {**RUN, "models": list(models)})


def search(filter_: str) -> Request:
    """Searches runs."""
    return post("runs/search", {"experiment_ids": ["{exp}"], "filter": filter_})


def made(model_id: object, **fields: object) -> dict[str, Any]:
    """A model as an output."""
    return {"model_id": model_id, **fields}


FILTERS = (
    "datasets.name = 'd'",
    "dataset.name = 'none'",
    "datasets.name != 'd'",
    "datasets.name LIKE 'D%'",
    "datasets.name ILIKE 'D%'",
    "datasets.name IN ('x', 'e')",
    "datasets.digest = 'h' AND datasets.name = 'd'",
    "datasets.context = 'training'",
    "datasets.context = 'eval'",
    "datasets.context LIKE '%'",
    "datasets.name = 'd' AND metrics.m > 1",
)

CASES = [
    Case("one input", inputs(read(CONTEXT, schema="s", profile="p")), GET),
    Case("inputs without tags", inputs({"dataset": DATASET}, read(name="e")), GET),
    Case("an input twice", inputs(read(CONTEXT)), inputs(read(source="other", schema="x")), GET),
    Case("a dataset twice in a request", inputs(read(CONTEXT), read(schema="x")), GET),
    Case("an empty schema", inputs(read(schema="", profile="")), GET),
    Case("no inputs", inputs(), post("runs/log-inputs", RUN), GET),
    Case("inputs of no run", post("runs/log-inputs", {"datasets": [read()]})),
    Case("inputs of a run that is not", post("runs/log-inputs", {"run_id": "f" * 32})),
    Case("inputs of a run with an odd id", post("runs/log-inputs", {"run_id": "a b"})),
    Case("inputs that are a text", post("runs/log-inputs", {**RUN, "datasets": "x"})),
    Case("inputs that are an object", post("runs/log-inputs", {**RUN, "datasets": {}})),
    Case(
        "model inputs",
        inputs(models=[{"model_id": "m-1"}] * 2),
        inputs(models=[{"model_id": "m-1"}]),
        GET,
    ),
    *(
        Case(f"a {name} of the greatest length", inputs(read(**{name: "x" * limit})))
        for name, limit in (("name", 500), ("digest", 36), ("source", 65_535))
    ),
    *(
        Case(f"too long a {name}", inputs(read(**{name: "x" * (limit + 1)})), GET)
        for name, limit in (
            ("name", 500),
            ("digest", 36),
            ("source", 65_535),
            ("schema", 1_048_575),
            ("profile", 16_777_215),
        )
    ),
    Case("too long a key of a tag", inputs(read({"key": "k" * 256, "value": "v"}))),
    Case("too long a value of a tag", inputs(read({"key": "k", "value": "v" * 501}))),
    Case("long tags", inputs(read({"key": "k" * 255, "value": "v" * 500})), GET),
    Case("a tag twice", inputs(read(CONTEXT, CONTEXT)), GET),
    Case("inputs of a deleted run", post("runs/delete", RUN), inputs(read())),
    Case("outputs of a deleted run", post("runs/delete", RUN), outputs(made("m-1"))),
    *(
        Case(f"a dataset without {name}", differs(inputs(read(**{name: None})), EMPTY, status=400))
        for name in ("name", "digest")
    ),
    Case("an input without dataset", differs(inputs({}), HALF_READ, status=400)),
    Case("an input that is a number", differs(inputs(1), HALF_READ, status=400)),
    Case("a name that is a number", differs(inputs(read(name=5)), HALF_READ, status=400)),
    Case(
        "a model input without id",
        differs(inputs(models=[dict[str, str]()]), HALF_READ, status=400),
    ),
    Case("outputs", outputs(made("m-1", step=3), made("m-2", step=-4)), GET),
    Case("an output without a step", outputs(made("m-1")), GET),
    Case("a step that is a text", outputs(made("m-1", step="7")), GET),
    Case("no outputs", outputs(), GET),
    Case("outputs without models", post("runs/outputs", RUN)),
    Case("outputs without run", post("runs/outputs", {"models": [made("m-1")]})),
    Case("outputs of a run that is not", post("runs/outputs", {"run_id": "f" * 32, "models": []})),
    Case(
        "an output twice",
        outputs(made("m-1", step=3)),
        differs(outputs(made("m-1", step=3)), ONCE_MORE, status=200),
        GET,
    ),
    Case("a model without id", differs(outputs({"step": 3}), HALF_READ, status=400)),
    Case(
        "a step that is no number", differs(outputs(made("m-1", step="x")), HALF_READ, status=400)
    ),
    Case(
        "runs by their datasets",
        post("runs/log-metric", {**RUN, "key": "m", "value": 2, "timestamp": 1}),
        inputs(read(CONTEXT), read(name="e", digest="h")),
        *(search(filter_) for filter_ in FILTERS),
    ),
    Case(
        "datasets of an experiment",
        inputs(read(CONTEXT), read(name="e", digest="h"), read(name="e", digest="g")),
        post(UI, {"experiment_ids": ["{exp}"]}),
    ),
    Case("datasets of nothing", post(UI), post(UI, {"experiment_ids": []})),
    Case("datasets of no experiment", post(UI, {"experiment_ids": ["999999"]})),
    Case("datasets of too many", post(UI, {"experiment_ids": [str(n) for n in range(21)]})),
    Case("datasets of an odd id", post(UI, {"experiment_ids": ["x"]})),
    Case(
        "datasets of a deleted run",
        inputs(read()),
        post("runs/delete", RUN),
        post(UI, {"experiment_ids": ["{exp}"]}),
    ),
]
