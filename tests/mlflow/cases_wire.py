"""How requests are read, whatever they are about."""

from dataclasses import replace

from tests.mlflow.cases import Case, Request, differs, get, post

BROKEN = "broken JSON is refused as such, not taken for an empty request"
HALF_READ = "a value that does not fit is refused, where MLflow passes over it"
NO_HTML = "answers that MLflow gives as HTML are its JSON errors here"


def raw(path: str, body: str, content_type: str | None = "application/json") -> Request:
    """A POST of text."""
    headers = {} if content_type is None else {"content-type": content_type}
    return replace(post(path, body), headers=headers)


METRIC = {"run_id": "{run}", "key": "m", "value": 1.5, "timestamp": 10, "step": 2}
HISTORY = get("metrics/get-history", run_id="{run}", metric_key="m")
SEARCH = {"experiment_ids": ["{exp}"]}

CASES = [
    Case("a body without content type is refused", raw("experiments/create", "{}", None)),
    Case("a body of another content type is refused", raw("runs/search", "{}", "text/plain")),
    Case(
        "a content type may have parameters",
        raw("experiments/create", '{"name": "{name} b"}', "application/json; charset=utf-8"),
    ),
    Case("an empty body lacks what is required", raw("experiments/create", "")),
    Case("null lacks what is required", raw("experiments/create", "null")),
    Case(
        "broken JSON of a required field",
        differs(raw("experiments/create", '{"name": '), BROKEN, 400, "INVALID_PARAMETER_VALUE"),
    ),
    Case(
        "broken JSON of an optional field",
        differs(raw("runs/search", '{"filter": '), BROKEN, 400, "INVALID_PARAMETER_VALUE"),
    ),
    Case("a list is no request", differs(raw("experiments/create", "[]"), NO_HTML, 400)),
    Case("JSON in JSON is read", raw("runs/search", '"{\\"experiment_ids\\": []}"')),
    Case("unknown fields are passed over", post("runs/search", {**SEARCH, "colour": "red"})),
    Case("null is absent", post("runs/search", {**SEARCH, "filter": None, "page_token": None})),
    Case(
        "null is absent for limits too",
        differs(post("runs/search", {**SEARCH, "max_results": None}), NO_HTML, 200),
    ),
    Case(
        "a null in a list is refused",
        post("experiments/create", {"name": "{name} n", "tags": [None]}),
    ),
    Case("camelCase names are read", post("runs/search", {"experimentIds": ["{exp}"]})),
    Case(
        "two spellings of a name are refused",
        post("runs/search", {"experimentIds": ["{exp}"], "experiment_ids": ["{exp}"]}),
    ),
    Case("integers may be texts", post("runs/log-metric", {**METRIC, "timestamp": "7"}), HISTORY),
    Case("integers may be floats", post("runs/log-metric", {**METRIC, "step": 3.0}), HISTORY),
    Case(
        "an integer has no fraction",
        differs(post("runs/log-metric", {**METRIC, "step": 3.5}), HALF_READ, 400),
        differs(HISTORY, HALF_READ, 200),
    ),
    Case("a text that is no integer", post("runs/log-metric", {**METRIC, "step": "foo"})),
    Case("a timestamp that is no integer", post("runs/log-metric", {**METRIC, "timestamp": "foo"})),
    Case(
        "an integer of 65 bits",
        differs(post("runs/log-metric", {**METRIC, "step": 2**63}), HALF_READ, 400),
    ),
    Case(
        "a boolean is no integer",
        differs(post("runs/log-metric", {**METRIC, "step": True}), HALF_READ, 400),
    ),
    Case("numbers may be texts", post("runs/log-metric", {**METRIC, "value": "1.25"}), HISTORY),
    Case("a boolean is a number", post("runs/log-metric", {**METRIC, "value": True}), HISTORY),
    Case("a text that is no number", post("runs/log-metric", {**METRIC, "value": "high"})),
    Case(
        "NaN and infinities as texts",
        *(
            post("runs/log-metric", {**METRIC, "value": value, "timestamp": time})
            for time, value in enumerate(["NaN", "Infinity", "-Infinity"])
        ),
        HISTORY,
        get("runs/get", run_id="{run}"),
    ),
    Case(
        "bare NaN is no JSON number",
        differs(
            raw(
                "runs/log-metric",
                '{"run_id": "{run}", "key": "m", "value": NaN, "timestamp": 1}',
            ),
            HALF_READ,
            400,
        ),
        differs(HISTORY, HALF_READ, 200),
    ),
    Case("a text for a number of a text", post("experiments/create", {"name": 123})),
    Case("a number is no list", post("runs/search", {"experiment_ids": 5})),
    Case("a text is no list", post("runs/search", {"experiment_ids": "{exp}"})),
    Case("a list of numbers is no list of texts", post("runs/search", {**SEARCH, "order_by": [1]})),
    Case("a text is no object", post("runs/log-batch", {"run_id": "{run}", "metrics": "foo"})),
    Case(
        "a number in a list of objects",
        differs(post("runs/log-batch", {"run_id": "{run}", "metrics": [1]}), NO_HTML, 400),
    ),
    Case("an unknown path", differs(get("nothing/here"), NO_HTML, 404, "ENDPOINT_NOT_FOUND")),
    Case("a wrong method", differs(post("runs/get", {}), NO_HTML, 405)),
    Case("a GET without arguments", get("experiments/get")),
    Case("paths of the web UI", get("/ajax-api/2.0/mlflow/experiments/get", experiment_id="{exp}")),
    Case("health", Request("GET", "/health")),
    Case(
        "server info",
        differs(
            Request("GET", "/api/3.0/mlflow/server-info"),
            "what is out of scope, and uploads by signed addresses, are not announced",
            200,
        ),
    ),
]
