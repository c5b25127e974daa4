"""Histories of metrics."""

from tests.mlflow.cases import Case, Json, Request, differs, get, post, saving

UI = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
ORDER = "NaN comes before all other values of one time and step here, beside 0 in MLflow"


def log(points: list[tuple[float | str, int, int]], run: str = "{run}", key: str = "m") -> Request:
    """Logs points: value, time, step."""
    metrics = [{"key": key, "value": v, "timestamp": t, "step": s} for v, t, s in points]
    return post("runs/log-batch", {"run_id": run, "metrics": metrics})


def history(**arguments: Json) -> Request:
    """Reads a history."""
    return get("metrics/get-history", **{"run_id": "{run}", "metric_key": "m", **arguments})


def bulk(**arguments: Json) -> Request:
    """Reads histories as charts once did."""
    return get(UI, **{"run_id": ["{run}"], "metric_key": "m", **arguments})


def interval(**arguments: Json) -> Request:
    """Reads histories as charts do."""
    return get(
        "metrics/get-history-bulk-interval",
        **{"run_ids": ["{run}"], "metric_key": "m", **arguments},
    )


MIXED = log([(n % 3, (n * 7) % 11, (n * 5) % 13) for n in range(40)])
LONG = log([(n / 7, n, n) for n in range(900)])
OTHER = saving(
    post("runs/create", {"experiment_id": "{exp}", "run_name": "second", "start_time": 2}),
    other="run.info.run_id",
)

CASES = [
    Case("no points", history()),
    Case("by time, step and value", MIXED, history()),
    Case("by the other name", MIXED, get("metrics/get-history", run_uuid="{run}", metric_key="m")),
    Case("of no run", history(run_id="f" * 32)),
    Case("of an id that cannot be", history(run_id="no run")),
    Case("without a run", get("metrics/get-history", metric_key="m")),
    Case("without a key", get("metrics/get-history", run_id="{run}")),
    Case("an empty key", history(metric_key="")),
    Case(
        "an odd key",
        log([(1, 1, 1)], key="50 percent: a/b.c"),
        history(metric_key="50 percent: a/b.c"),
    ),
    Case("a key with a percent sign", history(metric_key="100%d")),
    *(
        Case(f"max_results {count}", MIXED, history(max_results=count))
        for count in (1, 40, 41, 0, -1)
    ),
    *(
        Case(
            f"at most {count} points",
            MIXED,
            differs(
                history(max_results=count),
                "a value that does not fit is refused, where MLflow passes over it",
                400,
            ),
        )
        for count in ("x", 2**31)
    ),
    Case(
        "in pages",
        MIXED,
        saving(history(max_results=15), next="next_page_token"),
        saving(history(max_results=15, page_token="{next}"), next="next_page_token"),
        history(max_results=15, page_token="{next}"),
    ),
    Case(
        "the rest",
        MIXED,
        saving(history(max_results=15), next="next_page_token"),
        history(page_token="{next}"),
    ),
    Case("a broken token", history(page_token="zzz")),
    Case("NaN", log([("NaN", 1, 1), (5, 2, 2), ("Infinity", 3, 3)]), history()),
    Case(
        "NaN beside others",
        log([("NaN", 1, 1), (-5, 1, 1), (5, 1, 1)]),
        differs(history(), ORDER, 200),
    ),
    Case("of a deleted run", MIXED, post("runs/delete", {"run_id": "{run}"}), history()),
    Case("bulk without runs", get(UI, metric_key="m")),
    Case("bulk without a key", get(UI, run_id="{run}")),
    Case("bulk of 101 runs", bulk(run_id=["r"] * 101)),
    Case("bulk", MIXED, bulk()),
    Case("bulk of nothing", bulk()),
    Case("bulk with a limit", MIXED, bulk(max_results=7)),
    Case("bulk with no number", differs(bulk(max_results="x"), "MLflow fails", 400)),
    Case("bulk of runs that do not exist", MIXED, bulk(run_id=["{run}", "f" * 32])),
    Case("bulk with NaN", log([("NaN", 1, 1)]), differs(bulk(), "MLflow's answer is no JSON", 200)),
    Case("interval", MIXED, interval()),
    Case("interval of nothing", interval()),
    Case(
        "interval of two runs",
        OTHER,
        MIXED,
        log([(1, 2, 3), (4, 5, 6)], "{other}"),
        interval(run_ids=["{run}", "{other}"]),
    ),
    Case("interval of a run that does not exist", MIXED, interval(run_ids=["f" * 32, "{run}"])),
    Case("interval without runs", get("metrics/get-history-bulk-interval", metric_key="m")),
    Case("interval without a key", get("metrics/get-history-bulk-interval", run_ids=["{run}"])),
    Case("interval of 101 runs", interval(run_ids=["r"] * 101)),
    *(
        Case(f"interval of at most {count}", LONG, interval(max_results=count))
        for count in (1, 2, 3, 7, 100, 899, 900, 2500)
    ),
    *(
        Case(f"interval of the refused {count}", interval(max_results=count))
        for count in (0, -1, 2501, "x")
    ),
    Case("interval of steps", LONG, interval(start_step=100, end_step=120)),
    Case("interval of one step", LONG, interval(start_step=100, end_step=100)),
    Case("interval of many steps", LONG, interval(start_step=0, end_step=500, max_results=10)),
    Case("interval of steps before", LONG, interval(start_step=-10, end_step=-1)),
    Case("interval without an end", interval(start_step=1)),
    Case("interval without a start", interval(end_step=1)),
    Case("interval backwards", interval(start_step=5, end_step=1)),
    Case("interval of no step", interval(start_step="x", end_step=1)),
    Case(
        "interval of one step's many values",
        log([(n, n, 0) for n in range(50)]),
        interval(max_results=5),
    ),
    Case("interval of points out of order", MIXED, interval(max_results=6)),
]
