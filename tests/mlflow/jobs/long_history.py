"""Logs a history of several pages and reads it; sends a batch that holds a bad metric."""

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

POINTS = 60_000

client = mlflow.MlflowClient()
run_id = client.create_run("0").info.run_id
for begin in range(0, POINTS, 1_000):
    points = [Metric("m", float(n), 1_000 + n, n) for n in range(begin, begin + 1_000)]
    client.log_batch(run_id, points)

history = client.get_metric_history(run_id, "m")
assert [point.value for point in history] == [float(n) for n in range(POINTS)]

bad = Metric("m", "much", 0, 0)
for batch in (
    {"metrics": [bad], "params": [Param("p", "1")]},
    {"metrics": [bad], "tags": [RunTag("t", "1")]},
):
    try:
        client.log_batch(run_id, **batch)
    except MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error.error_code
    else:
        raise AssertionError("a metric without number was taken")
data = client.get_run(run_id).data
assert (data.params, "t" in data.tags, data.metrics) == ({}, False, {"m": POINTS - 1.0})
