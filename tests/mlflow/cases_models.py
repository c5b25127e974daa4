"""Logged models."""

from typing import Any

from tests.mlflow.cases import Case, Request, delete, differs, get, patch, post, saving

RUN = {"run_id": "{run}"}
MODEL = "logged-models/{model}"
GET = get(MODEL)
ONCE_MORE = "what was logged before is logged again by a client that repeats a request"
HALF_READ = "what is missing or does not fit is refused, never half used"
NO_STATUS = "a status has to be one of the three"
OTHER_ID = "the path and the body have to name one model"
NO_MODEL = "a model that is not is not found, and nothing is logged"
ALL_POINTS = "points that differ in value or dataset alone are all kept"
RIGHT_STATUS = "the status is compared by its name"
RIGHT_DIGESTS = "a dataset without digest stands for all its digests"
CLEAN = "a filter or token that cannot be read is a 400"


def create(name: str = "model", /, **fields: object) -> Request:
    """Creates a model, which is `{name}` then."""
    request = post("logged-models", {"experiment_id": "{exp}", **fields})
    return saving(request, **{name: "model.info.model_id"})


def refused(**fields: object) -> Request:
    """Creates a model in vain."""
    return post("logged-models", {"experiment_id": "{exp}", **fields})


def finalize(status: object, model: str = "{model}") -> Request:
    """Changes a model's status."""
    return patch(MODEL, {"model_id": model, "status": status})


def tags(*tags: object) -> Request:
    """Sets tags."""
    return patch(f"{MODEL}/tags", {"tags": list(tags)})


def params(*params: object, model: str = "{model}") -> Request:
    """Logs params."""
    return post(f"{MODEL}/params", {"model_id": model, "params": list(params)})


def label(key: str, value: str = "v") -> dict[str, str]:
    """A param or tag."""
    return {"key": key, "value": value}


def metric(**fields: object) -> Request:
    """Logs a point about the model."""
    point = {"key": "acc", "value": 0.5, "timestamp": 10, "step": 1, "model_id": "{model}"}
    return post("runs/log-metric", {**RUN, **point, **fields})


def batch(*points: object) -> Request:
    """Logs points at once."""
    return post("runs/log-batch", {**RUN, "metrics": list(points)})


def search(**fields: object) -> Request:
    """Searches models."""
    return post("logged-models/search", {"experiment_ids": ["{exp}"], **fields})


def by(field_name: str, **fields: object) -> list[dict[str, Any]]:
    """An order."""
    return [{"field_name": field_name, **fields}]


THREE = (
    create("a", name="alpha", params=[label("p", "1")], tags=[label("t", "x")]),
    create("b", name="Beta", model_type="Agent", source_run_id="{run}"),
    create("model", name="gamma", tags=[label("odd key", "y")]),
    metric(model_id="{a}", value=0.9, dataset_name="d", dataset_digest="g"),
    metric(model_id="{a}", value=0.1, timestamp=11),
    metric(model_id="{b}", value=0.3, timestamp=12, dataset_name="d", dataset_digest="h"),
)
FILTERS = (
    "",
    "name = 'alpha'",
    "name != 'alpha'",
    "name LIKE '%a' AND model_type = 'Agent'",
    "name like 'b%'",
    "name ILIKE 'b%'",
    "name IN ('alpha', 'x')",
    "name NOT IN ('alpha', 'x')",
    "attributes.name = 'alpha'",
    "model_id = '{a}'",
    "model_type = ''",
    "source_run_id = '{run}'",
    "creation_timestamp > 0",
    "creation_time >= 0 AND last_updated_timestamp > 0",
    "creation_timestamp < 5",
    "params.p = '1'",
    "params.p != '2'",
    "params.p IN ('1', '2')",
    "params.none = '1'",
    "tags.t = 'x'",
    "tags.`odd key` = 'y'",
    "metrics.acc > 0.5",
    "metrics.acc < 0.2",
    "metrics.acc > 0.5 AND metrics.acc < 0.2",
    "metrics.acc = 0.3",
    "metrics.acc != 0.3",
    "metrics.`acc` <= 0.3",
    "metrics.none > 0",
    "attribute.name = 'alpha'",
    "metric.acc > 0",
    "name > 'a'",
    "metrics.acc LIKE 'x'",
    "name = 'alpha' OR name = 'gamma'",
    "(name = 'alpha')",
    "NOT name = 'alpha'",
    "name",
    "name =",
    " ",
    "name = 'alpha';",
    "params.p IS NULL",
    "name IN 'alpha'",
)
BAD_FILTERS = ("bogus = 'x'", "metrics.acc = 'x'", "creation_timestamp > '0'")
ORDERS: tuple[object, ...] = (
    by("name"),
    by("name", ascending=False),
    by("creation_time", ascending=True),
    by("creation_timestamp", ascending=False),
    by("model_type"),
    by("source_run_id", ascending=False),
    by("metrics.acc"),
    by("metrics.acc", ascending=False),
    by("metrics.acc", dataset_name="d"),
    by("metrics.acc", dataset_name="d", dataset_digest="g"),
    by("metrics.acc", dataset_digest="h"),
    by("metrics.none"),
    [*by("model_type"), *by("name", ascending=False)],
    [*by("name"), *by("name")],
    by("params.p"),
    by("bogus"),
    [dict[str, str]()],
    "x",
)
DATASETS: tuple[object, ...] = (
    [{"dataset_name": "d", "dataset_digest": "g"}],
    [{"dataset_name": "d", "dataset_digest": "g"}, {"dataset_name": "d", "dataset_digest": "h"}],
    [{"dataset_name": "none", "dataset_digest": "g"}],
    [{"dataset_digest": "g"}],
    [dict[str, str]()],
    "x",
)

CASES = [
    Case("a model", create(), GET),
    Case(
        "a model with everything",
        create(
            name="m",
            model_type="Agent",
            source_run_id="{run}",
            params=[label("a", "1"), label("b", "")],
            tags=[label("t")],
        ),
        GET,
    ),
    Case("a model with an empty name", create(name=""), GET),
    Case(
        "long params and tags",
        create(params=[label("k", "v" * 7_000)], tags=[label("k" * 250)]),
        GET,
    ),
    Case("a model without experiment", post("logged-models", {})),
    Case("a model of no experiment", post("logged-models", {"experiment_id": "999999"})),
    Case("a model of an odd experiment", post("logged-models", {"experiment_id": "x"})),
    Case("an experiment id that is a number", post("logged-models", {"experiment_id": 5})),
    *(Case(f"a model named a{char}b", refused(name=f"a{char}b")) for char in "/:.%\"'"),
    Case("a name that is a number", refused(name=5)),
    Case("params that are a text", refused(params="x")),
    Case("a param twice at once", refused(params=[label("a"), label("a")])),
    Case("a tag without key", differs(refused(tags=[{"value": "x"}]), HALF_READ, status=400)),
    Case(
        "a deleted experiment",
        create(),
        post("experiments/delete", {"experiment_id": "{exp}"}),
        refused(),
        GET,
        search(),
    ),
    Case("a deleted run", create(source_run_id="{run}"), post("runs/delete", RUN), GET, search()),
    Case(
        "a model that is not",
        get("logged-models/m-none"),
        get("logged-models/m-none", allow_deleted="true"),
    ),
    *(
        Case(f"finalized as {status}", create(), finalize(status), GET)
        for status in (
            "LOGGED_MODEL_READY",
            "LOGGED_MODEL_UPLOAD_FAILED",
            "LOGGED_MODEL_PENDING",
            2,
            "2",
            3,
        )
    ),
    *(
        Case(
            f"finalized wrongly as {status}",
            create(),
            differs(finalize(status), NO_STATUS, status=400),
        )
        for status in (0, 9, "READY", "LOGGED_MODEL_STATUS_UNSPECIFIED")
    ),
    Case("finalized without status", create(), patch(MODEL, {"model_id": "{model}"})),
    Case("finalized without id", create(), patch(MODEL, {"status": 2}), patch(MODEL, {})),
    Case(
        "finalized by another id",
        create("other"),
        create(),
        differs(finalize(2, "{other}"), OTHER_ID, status=400),
    ),
    Case(
        "finalizing what is not", patch("logged-models/m-none", {"model_id": "m-none", "status": 2})
    ),
    Case(
        "tags", create(tags=[label("a")]), tags(label("a", "2"), label("b"), label("b", "3")), GET
    ),
    Case("no tags", create(), tags(), patch(f"{MODEL}/tags", {}), GET),
    Case("tags that are a text", create(), patch(f"{MODEL}/tags", {"tags": "x"})),
    Case("tags of what is not", patch("logged-models/m-none/tags", {"tags": [label("a")]})),
    Case(
        "a tag deleted twice",
        create(tags=[label("a")]),
        delete(f"{MODEL}/tags/a"),
        delete(f"{MODEL}/tags/a"),
        GET,
    ),
    Case("a tag of what is not deleted", delete("logged-models/m-none/tags/a")),
    Case("params", create(params=[label("a")]), params(label("b", "2")), params(), GET),
    Case(
        "a param again",
        create(params=[label("a")]),
        differs(params(label("a")), ONCE_MORE, status=200),
        GET,
    ),
    Case(
        "a param with another value",
        create(params=[label("a")]),
        differs(params(label("a", "2")), "the reason is said", status=400),
        GET,
    ),
    Case("params without id", create(), post(f"{MODEL}/params", {"params": [label("a")]})),
    Case(
        "params by another id",
        create(),
        differs(params(label("a"), model="m-1"), OTHER_ID, status=400),
    ),
    Case(
        "params of what is not",
        post("logged-models/m-none/params", {"model_id": "m-none", "params": [label("a")]}),
    ),
    Case(
        "a deleted model",
        create(),
        delete(MODEL),
        delete(MODEL),
        GET,
        get(MODEL, allow_deleted="true"),
        search(),
        tags(label("a")),
        finalize(2),
        metric(),
    ),
    Case("deleting what is not", delete("logged-models/m-none")),
    Case("a point", create(), metric(), metric(), GET, get("runs/get", **RUN)),
    Case("a point on a dataset", create(), metric(dataset_name="d", dataset_digest="g"), GET),
    Case("an infinite point", create(), metric(value="Infinity"), GET),
    Case("a point without model", create(), metric(model_id=""), GET),
    Case("a name of a dataset alone", create(), metric(dataset_name="d"), GET),
    Case("a digest of a dataset alone", create(), metric(dataset_digest="d"), GET),
    Case(
        "a point of no model",
        differs(metric(model_id="m-none"), NO_MODEL, status=404),
        get("metrics/get-history", run_id="{run}", metric_key="acc"),
    ),
    Case(
        "a batch with a point of a model, without a step",
        create(),
        batch({"key": "a", "value": 1, "timestamp": 5, "model_id": "{model}"}),
        GET,
    ),
    Case(
        "a batch with a point of no model",
        differs(
            batch({"key": "a", "value": 1, "timestamp": 5, "model_id": "m-none"}),
            NO_MODEL,
            status=404,
        ),
        differs(get("metrics/get-history", run_id="{run}", metric_key="a"), NO_MODEL, status=200),
    ),
    Case(
        "points that differ in value",
        create(),
        metric(),
        differs(metric(value=0.6), ALL_POINTS, status=200),
    ),
    Case(
        "points that differ in dataset",
        create(),
        metric(),
        differs(metric(dataset_name="d", dataset_digest="g"), ALL_POINTS, status=200),
    ),
    Case(
        "a batch of points",
        create("other"),
        create(),
        batch(
            {"key": "a", "value": 1, "timestamp": 5, "step": 0, "model_id": "{model}"},
            {"key": "a", "value": 1, "timestamp": 5, "step": 0, "model_id": "{other}"},
            {"key": "a", "value": 2, "timestamp": 6, "step": 0},
        ),
        GET,
        get("logged-models/{other}"),
        get("metrics/get-history", run_id="{run}", metric_key="a"),
    ),
    Case("filters", *THREE, *(search(filter=filter_) for filter_ in FILTERS)),
    Case(
        "bad filters",
        *THREE,
        *(differs(search(filter=one), CLEAN, status=400) for one in BAD_FILTERS),
    ),
    Case(
        "a filter by status",
        *THREE,
        differs(search(filter="status = 'PENDING'"), RIGHT_STATUS, status=200),
    ),
    Case("orders", *THREE, *(search(order_by=order) for order in ORDERS)),
    Case(
        "datasets",
        *THREE,
        *(search(datasets=one) for one in DATASETS),
        *(search(datasets=one, filter="metrics.acc > 0.2") for one in DATASETS),
        differs(search(datasets=[{"dataset_name": "d"}]), RIGHT_DIGESTS, status=200),
    ),
    Case(
        "pages",
        *THREE,
        saving(search(max_results=2), token="next_page_token"),
        search(max_results=2, page_token="{token}"),
        search(max_results=0),
        search(max_results="1"),
        search(max_results="x"),
        search(page_token=""),
    ),
    Case("a broken token", create(), differs(search(page_token="x"), CLEAN, status=400)),
    Case("a negative page", create(), differs(search(max_results=-1), CLEAN, status=400)),
    Case("search without experiments", post("logged-models/search", {}), search(experiment_ids=[])),
    Case(
        "search of odd experiments",
        search(experiment_ids=["x"]),
        search(experiment_ids="x"),
        search(experiment_ids=["999999"]),
    ),
]
