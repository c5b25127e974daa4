"""Searches of runs."""

from tests.mlflow.cases import Case, Json, Request, differs, get, post, saving

HERE = {"experiment_ids": ["{exp}"]}


def find(**arguments: Json) -> Request:
    """Searches."""
    return post("runs/search", {**HERE, **arguments})


def run(name: str, start: int, **logged: Json) -> list[Request]:
    """Creates a run with params, tags and metrics."""
    made = post(
        "runs/create",
        {"experiment_id": "{exp}", "run_name": name, "start_time": start, "user_id": "u"},
    )
    batch = {
        "run_id": f"{{{name}}}",
        "params": [{"key": k, "value": v} for k, v in logged.get("params", {}).items()],
        "tags": [{"key": k, "value": v} for k, v in logged.get("tags", {}).items()],
        "metrics": [
            {"key": k, "value": v, "timestamp": start, "step": 1}
            for k, v in logged.get("metrics", {}).items()
        ],
    }
    return [saving(made, **{name: "run.info.run_id"}), post("runs/log-batch", batch)]


RUNS = [
    *run(
        "alpha",
        10,
        metrics={"loss": 0.5, "n": "NaN"},
        params={"lr": "0.1", "opt": "Adam"},
        tags={"t": "x"},
    ),
    *run(
        "beta",
        20,
        metrics={"loss": 0.25, "n": 3},
        params={"lr": "0.01", "opt": "adam"},
        tags={"t": "Xy", "a.b": "1"},
    ),
    *run("gamma", 30, metrics={"loss": "Infinity"}, params={"lr": "0.1"}),
    *run("delta", 25, tags={"t": "100%"}),
    post("runs/update", {"run_id": "{beta}", "status": "FINISHED", "end_time": 50}),
]
FILTERS = (
    "metrics.loss < 0.4",
    "metrics.loss >= 0.25 AND params.lr = '0.01'",
    "metrics.n != 3",
    "metrics.n = 3",
    "metric.loss > 100",
    "params.opt LIKE 'A%'",
    "param.opt ILIKE 'a%'",
    "params.lr != '0.1'",
    "tags.t = 'x'",
    "tags.`a.b` = '1'",
    "tags.a.b = '1'",
    "tag.\"t\" LIKE '_'",
    "tags.t IS NULL",
    "tags.t IS NOT NULL",
    "params.opt IS NULL",
    "attributes.status = 'FINISHED'",
    "status != 'RUNNING'",
    "attr.run_name LIKE '%eta'",
    "run_name = 'alpha'",
    "run name = 'gamma'",
    "start_time > 15",
    "created <= 20",
    "end_time = 50",
    "user_id = 'u'",
    "run_id != 'x'",
    "run_id IN ('a', 'b')",
    "tags.mlflow.runName = 'beta'",
    "artifact_uri LIKE 'mlflow-artifacts%'",
    "metrics.loss > 0 and METRICS.loss < 1",
    "datasets.name = 'd'",
    "metrics.absent > 0",
)
BAD_FILTERS = (
    "metrics.loss",
    "metrics.loss < 'a'",
    "params.lr < '1'",
    "params.lr = 0.1",
    "metrics.loss LIKE 1",
    "tags.t = x",
    "colour = 'red'",
    "params.lr = '1' OR params.lr = '2'",
    "(params.lr = '1')",
    " ",
    ";",
    "params.lr = '1';",
    "status IN ('FINISHED')",
    "params.lr IN ('1')",
    "start_time = 'x'",
    "lifecycle_stage = 'active'",
    "AND",
    "metrics.loss = = 1",
    "NOT params.lr = '1'",
    "params.lr = '1",
)
ORDERS = (
    ["metrics.loss"],
    ["metrics.loss DESC"],
    ["metrics.n ASC"],
    ["metrics.n DESC"],
    ["params.lr", "run_name DESC"],
    ["tags.t DESC"],
    ["start_time"],
    ["start_time ASC", "metrics.loss DESC"],
    ["attributes.run_name"],
    ["end_time"],
    ["status", "attribute.run_name"],
    ["user_id", "metrics.`loss`"],
)
BAD_ORDERS = (["colour"], ["metrics.loss UP"], ["metrics"], [""], ["metrics.loss, params.lr"])

CASES = [
    Case("everything", *RUNS, find()),
    Case("nothing", post("runs/search", {})),
    Case("no experiments", post("runs/search", {"experiment_ids": []})),
    Case("an experiment that does not exist", post("runs/search", {"experiment_ids": ["987654"]})),
    Case("an experiment of no integer", post("runs/search", {"experiment_ids": ["x"]})),
    Case(
        "the same experiment twice", *RUNS, post("runs/search", {"experiment_ids": ["{exp}"] * 2})
    ),
    *(
        Case(f"{view}", *RUNS, post("runs/delete", {"run_id": "{beta}"}), find(run_view_type=view))
        for view in ("ACTIVE_ONLY", "DELETED_ONLY", "ALL", 2)
    ),
    Case(
        "an unknown view",
        differs(find(run_view_type="SOME"), "an unknown view is refused, not passed over", 400),
    ),
    *(
        Case(f"max_results {count!r}", find(max_results=count))
        for count in (0, -1, 50_001, 123456789, "x", 50_000, "2")
    ),
    Case(
        "in pages",
        *RUNS,
        saving(find(max_results=2), next="next_page_token"),
        saving(find(max_results=2, page_token="{next}"), next="next_page_token"),
        find(max_results=2, page_token="{next}"),
    ),
    Case(
        "in pages by a metric",
        *RUNS,
        saving(find(max_results=2, order_by=["metrics.n"]), next="next_page_token"),
        saving(
            find(max_results=2, order_by=["metrics.n"], page_token="{next}"), next="next_page_token"
        ),
        find(max_results=2, order_by=["metrics.n"], page_token="{next}"),
    ),
    Case("a broken token", find(page_token="zzz")),
    Case("a filter that is a number", find(filter=5)),
    Case("an order that is a text", find(order_by="start_time")),
    Case(
        "an order twice",
        differs(find(order_by=["metrics.a", "metrics.a"]), "clients repeat a 500 in vain", 400),
    ),
    Case("filters", *RUNS, *(find(filter=each, order_by=["run_name"]) for each in FILTERS)),
    *(Case(f"the refused filter {each!r}", find(filter=each)) for each in BAD_FILTERS),
    Case("orders", *RUNS, *(find(order_by=each) for each in ORDERS)),
    *(Case(f"the refused order {each}", find(order_by=each)) for each in BAD_ORDERS),
    Case(
        "the web UI's path",
        *RUNS,
        post("/ajax-api/2.0/mlflow/runs/search", {**HERE, "filter": "metrics.loss < 1"}),
    ),
    Case("runs and their experiment", get("experiments/get", experiment_id="{exp}")),
]
