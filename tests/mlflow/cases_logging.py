"""Metrics, params and tags."""

import json
from typing import Any

from tests.mlflow.cases import Case, Json, Request, differs, get, post

RUN = {"run_id": "{run}"}
GET = get("runs/get", run_id="{run}")
METRIC = {**RUN, "key": "m", "value": 1.5, "timestamp": 10, "step": 2}
LABEL = {**RUN, "key": "k", "value": "v"}
KEYS = ("a/b", "a b", "a:b", "a.b", "a-b_c", "ключ", "é", "0", "...", "a..b", ".a", "k" * 250)
BAD_KEYS = ("a//b", "../a", "/a", ".", "..", "a/", "./a", "a/../b", "a@b", "a,b", "a\tb", "k" * 251)
MODEL = {
    "artifact_path": "m",
    "flavors": {"x": {"a": 1, "config": 2}},
    "utc_time_created": "now",
    "run_id": "r",
}
STRICT = "a line break at the end of a key is refused"
HISTORY = get("metrics/get-history", run_id="{run}", metric_key="m")


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """Leaves fields out."""
    return {key: value for key, value in fields.items() if key not in names}


def batch(**lists: Json) -> Request:
    """Logs a batch."""
    return post("runs/log-batch", {**RUN, **lists})


def labels(count: int, start: int = 0) -> list[dict[str, str]]:
    """So many params or tags."""
    return [{"key": f"k{number}", "value": "v"} for number in range(start, start + count)]


def metrics(count: int) -> list[dict[str, Any]]:
    """So many points."""
    return [{"key": "m", "value": n / 3, "timestamp": n, "step": n % 7} for n in range(count)]


ROUTES: dict[str, dict[str, Any]] = {
    "log-metric": METRIC,
    "log-parameter": LABEL,
    "set-tag": LABEL,
    "delete-tag": without(LABEL, "value"),
    "log-batch": RUN,
}

CASES = [
    *(
        Case(f"{route} without {name}", post(f"runs/{route}", without(fields, name)))
        for route, fields in ROUTES.items()
        for name in fields
        if name not in {"step", "value"} or (route == "log-metric" and name == "value")
    ),
    *(
        Case(f"{route} with null for {name}", post(f"runs/{route}", {**fields, name: None}))
        for route, fields in ROUTES.items()
        for name in fields
    ),
    *(
        Case(f"{route} with an empty {name}", post(f"runs/{route}", {**fields, name: ""}))
        for route, fields in ROUTES.items()
        for name in ("run_id", "key")
        if name in fields
    ),
    *(
        Case(f"{route} with 31 for {name}", post(f"runs/{route}", {**fields, name: 31}))
        for route, fields in ROUTES.items()
        for name in ("run_id", "key")
        if name in fields
    ),
    *(
        Case(f"{route} to no run", post(f"runs/{route}", {**fields, "run_id": "f" * 32}))
        for route, fields in ROUTES.items()
    ),
    *(
        Case(
            f"{route} by the other name",
            post(f"runs/{route}", {**without(fields, "run_id"), "run_uuid": "{run}"}),
            GET,
        )
        for route, fields in ROUTES.items()
        if route in {"log-metric", "log-parameter", "set-tag"}
    ),
    Case("a metric without a step", post("runs/log-metric", without(METRIC, "step")), GET),
    Case("a metric twice", *[post("runs/log-metric", METRIC)] * 2, HISTORY),
    Case("a negative step", post("runs/log-metric", {**METRIC, "step": -5}), GET),
    Case("a negative time", post("runs/log-metric", {**METRIC, "timestamp": -5})),
    Case(
        "the latest is of the greatest step",
        post("runs/log-metric", METRIC),
        post("runs/log-metric", {**METRIC, "step": 1, "timestamp": 99, "value": 7}),
        GET,
        HISTORY,
    ),
    Case(
        "the latest is of the greatest time",
        post("runs/log-metric", METRIC),
        post("runs/log-metric", {**METRIC, "timestamp": 11, "value": 0}),
        GET,
        HISTORY,
    ),
    Case(
        "the latest is the greatest value",
        post("runs/log-metric", METRIC),
        post("runs/log-metric", {**METRIC, "value": 1.25}),
        GET,
        HISTORY,
    ),
    Case(
        "a time of many digits",
        post("runs/log-metric", {**METRIC, "timestamp": 9_223_372_036_854_775}),
        HISTORY,
    ),
    Case(
        "a time too late for microseconds",
        differs(
            post("runs/log-metric", {**METRIC, "timestamp": 9_223_372_036_854_776}),
            "times are 64-bit microseconds here",
            400,
        ),
    ),
    Case(
        "great and small values",
        *(
            post("runs/log-metric", {**METRIC, "value": value})
            for value in (1.7976931348623157e308, 5e-324, -0.1, 1e22, 12345678901234567890)
        ),
        HISTORY,
    ),
    Case(
        "extreme steps",
        *(post("runs/log-metric", {**METRIC, "step": step}) for step in (2**63 - 1, -(2**63))),
        HISTORY,
    ),
    *(
        Case(
            f"the metric key {key[:12]!r} of {len(key)}",
            post("runs/log-metric", {**METRIC, "key": key}),
            GET,
        )
        for key in KEYS
    ),
    *(
        Case(
            f"the refused metric key {key[:12]!r} of {len(key)}",
            post("runs/log-metric", {**METRIC, "key": key}),
            GET,
        )
        for key in BAD_KEYS
    ),
    *(
        Case(
            f"the param key {key[:12]!r} of {len(key)}",
            post("runs/log-parameter", {**LABEL, "key": key}),
            GET,
        )
        for key in KEYS
    ),
    *(
        Case(
            f"the refused param key {key[:12]!r} of {len(key)}",
            post("runs/log-parameter", {**LABEL, "key": key}),
            GET,
        )
        for key in BAD_KEYS
    ),
    *(
        Case(
            f"the tag key {key[:12]!r} of {len(key)}",
            post("runs/set-tag", {**LABEL, "key": key}),
            GET,
        )
        for key in KEYS
    ),
    *(
        Case(
            f"the refused tag key {key[:12]!r} of {len(key)}",
            post("runs/set-tag", {**LABEL, "key": key}),
            GET,
        )
        for key in BAD_KEYS
    ),
    *(
        Case(
            f"the refused key {key[:12]!r} of {len(key)} in {what}",
            batch(
                **{
                    what: [
                        {"key": "a", "value": 1 if what == "metrics" else "v", "timestamp": 1},
                        {"key": key, "value": 1 if what == "metrics" else "v", "timestamp": 1},
                    ]
                }
            ),
            GET,
        )
        for what in ("metrics", "params", "tags")
        for key in ("a//b", "a@b", "k" * 251, "")
    ),
    Case(
        "a key with a line break at its end",
        differs(post("runs/set-tag", {**LABEL, "key": "k\n"}), STRICT, 400),
    ),
    Case("a param without a value", post("runs/log-parameter", without(LABEL, "value")), GET),
    Case("an empty param", post("runs/log-parameter", {**LABEL, "value": ""}), GET),
    Case("a param that is a number", post("runs/log-parameter", {**LABEL, "value": 5})),
    Case("a param twice", *[post("runs/log-parameter", LABEL)] * 2, GET),
    Case(
        "a param that changes",
        post("runs/log-parameter", LABEL),
        post("runs/log-parameter", {**LABEL, "value": "w"}),
        GET,
    ),
    Case(
        "a param of 6000 characters",
        post("runs/log-parameter", {**LABEL, "value": "é" * 6000}),
        GET,
    ),
    Case(
        "a longer param is cut",
        post("runs/log-parameter", {**LABEL, "value": "é" * 7000}),
        GET,
        post("runs/log-parameter", {**LABEL, "value": "é" * 6500}),
        post("runs/log-parameter", {**LABEL, "value": "é" * 5999}),
    ),
    Case(
        "a tag that changes",
        post("runs/set-tag", LABEL),
        post("runs/set-tag", {**LABEL, "value": "w"}),
        GET,
    ),
    Case("a tag without a value", post("runs/set-tag", without(LABEL, "value")), GET),
    Case("an empty tag", post("runs/set-tag", {**LABEL, "value": ""}), GET),
    Case("a tag that is a number", post("runs/set-tag", {**LABEL, "value": 5})),
    Case("a longer tag is cut", post("runs/set-tag", {**LABEL, "value": "é" * 9000}), GET),
    Case(
        "a tag renames",
        post("runs/set-tag", {**LABEL, "key": "mlflow.runName", "value": "new"}),
        GET,
    ),
    Case(
        "an empty tag does not rename",
        post("runs/set-tag", {**LABEL, "key": "mlflow.runName", "value": ""}),
        GET,
    ),
    Case(
        "a tag renames in a batch",
        batch(tags=[{"key": "mlflow.runName", "value": "new"}, {"key": "a", "value": "b"}]),
        GET,
    ),
    Case(
        "a tag of the user",
        post("runs/set-tag", {**LABEL, "key": "mlflow.user", "value": "bob"}),
        differs(GET, "the user is what the tag says", 200),
    ),
    Case(
        "delete a tag",
        post("runs/set-tag", LABEL),
        post("runs/delete-tag", {**RUN, "key": "k"}),
        GET,
        post("runs/delete-tag", {**RUN, "key": "k"}),
    ),
    Case(
        "delete the name",
        differs(
            post("runs/delete-tag", {**RUN, "key": "mlflow.runName"}),
            "every run keeps its name and the tag of it",
            400,
        ),
    ),
    Case("a batch of nothing", batch(), GET),
    Case("a batch of empty lists", batch(metrics=[], params=[], tags=[]), GET),
    Case(
        "a batch of everything",
        batch(metrics=metrics(5), params=labels(3), tags=labels(3)),
        GET,
        HISTORY,
    ),
    Case(
        "a batch again",
        *[batch(metrics=metrics(5), params=labels(3), tags=labels(3))] * 2,
        GET,
        HISTORY,
    ),
    Case("a batch with a repeated point", batch(metrics=metrics(5) * 2), HISTORY),
    Case(
        "a batch without steps",
        batch(metrics=[without(each, "step") for each in metrics(5)]),
        GET,
        HISTORY,
    ),
    Case(
        "a batch with texts as numbers",
        batch(metrics=[{"key": "m", "value": "2.5", "timestamp": "7", "step": "3"}]),
        GET,
    ),
    Case(
        "a batch with NaN and infinities",
        batch(
            metrics=[
                {"key": f"m{n}", "value": value, "timestamp": 7}
                for n, value in enumerate(("NaN", "Infinity", "-Infinity", True, 5))
            ]
        ),
        GET,
    ),
    Case(
        "a batch with great integers",
        batch(metrics=[{"key": "m", "value": 10**30, "timestamp": 7}]),
        GET,
    ),
    Case(
        "a tag twice in a batch",
        batch(tags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
        GET,
    ),
    Case(
        "a param twice in a batch",
        batch(params=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]),
        GET,
    ),
    Case("a param twice alike in a batch", batch(params=[{"key": "a", "value": "1"}] * 2), GET),
    Case(
        "a param that changes in a batch",
        batch(params=labels(2)),
        batch(
            params=[{"key": "k0", "value": "w"}, {"key": "new", "value": "1"}],
            metrics=metrics(2),
            tags=labels(1, 7),
        ),
        GET,
    ),
    Case(
        "a long param in a batch",
        batch(params=[{"key": "a", "value": "x" * 7000}], tags=[{"key": "a", "value": "x" * 9000}]),
        GET,
    ),
    Case(
        "a bad metric keeps everything out",
        batch(
            metrics=[{"key": "a//b", "value": 1, "timestamp": 1}], params=labels(1), tags=labels(1)
        ),
        GET,
    ),
    Case(
        "a bad param keeps everything out",
        batch(metrics=metrics(1), params=[{"key": "a//b", "value": "1"}], tags=labels(1)),
        GET,
    ),
    *(
        Case(
            f"a metric in a batch without {name}",
            batch(metrics=[metrics(1)[0], without(metrics(1)[0], name)]),
        )
        for name in ("key", "value", "timestamp")
    ),
    *(
        Case(
            f"a {what[:-1]} in a batch without {name}",
            batch(**{what: [labels(1)[0], without(labels(1)[0], name)]}),
            GET,
        )
        for what in ("params", "tags")
        for name in ("key", "value")
    ),
    *(
        Case(f"{count} {what}", batch(**{what: given}))
        for what, count, given in (
            ("metrics", 1000, metrics(1000)),
            ("metrics", 1001, metrics(1001)),
            ("params", 100, labels(100)),
            ("params", 101, labels(101)),
            ("tags", 100, labels(100)),
            ("tags", 101, labels(101)),
        )
    ),
    Case("1000 together", batch(metrics=metrics(850), params=labels(75), tags=labels(75))),
    Case("1001 together", batch(metrics=metrics(900), params=labels(50), tags=labels(51))),
    Case("a batch for an id that cannot be", post("runs/log-batch", {"run_id": "no run"})),
    Case("a negative time in a batch", batch(metrics=[{"key": "m", "value": 1, "timestamp": -1}])),
    Case(
        "a text for a value in a batch",
        differs(
            batch(metrics=[{"key": "m", "value": "high", "timestamp": 1}]),
            "a value that does not fit is refused, where MLflow passes over it",
            400,
        ),
    ),
    Case(
        "log a model",
        post(
            "runs/log-model",
            {
                **RUN,
                "model_json": json.dumps(MODEL),
            },
        ),
        differs(GET, "the tag holds what the model says, and no more", 200),
    ),
    Case("log a model without fields", post("runs/log-model", {**RUN, "model_json": "{}"})),
    Case("log a model of no JSON", post("runs/log-model", {**RUN, "model_json": "{"})),
    Case("log no model", post("runs/log-model", RUN)),
]
