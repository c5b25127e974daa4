"""Params, metrics with steps, batches, tags, nested runs, and histories, written and read back."""

import math

import mlflow
from mlflow.entities import Metric, Param, RunTag

client = mlflow.MlflowClient()
mlflow.set_experiment("logging")

with mlflow.start_run(run_name="outer", description="said in words") as outer:
    mlflow.log_param("lr", 0.1)
    mlflow.log_param("lr", 0.1)
    mlflow.log_params({"depth": 3, "net/kind": "mlp", "empty": ""})
    mlflow.set_tag("team", "blue")
    mlflow.set_tags({"team": "red", "größe": "klein"})
    for step in range(50):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"accuracy": 0.5, "val/accuracy": 0.4}, step=7)
    mlflow.log_metric("odd", math.nan, step=1)
    mlflow.log_metric("odd", math.inf, step=2)
    mlflow.log_metric("odd", -math.inf, step=3)
    mlflow.log_metric("backwards", 1.0, step=-5)
    client.log_batch(
        outer.info.run_id,
        metrics=[Metric("batch", float(i), 1_700_000_000_000 + i, i) for i in range(2500)],
        params=[Param(f"p{i}", str(i)) for i in range(150)],
        tags=[RunTag(f"t{i}", str(i)) for i in range(120)],
    )
    with mlflow.start_run(run_name="inner", nested=True) as inner:
        mlflow.log_metric("loss", 0.25)
    try:
        mlflow.log_param("lr", 0.2)
    except mlflow.MlflowException as error:
        assert error.error_code == "INVALID_PARAMETER_VALUE", error.error_code
        assert "Changing param values is not allowed" in str(error), error
    else:
        raise AssertionError("a param was changed")

run = client.get_run(outer.info.run_id)
assert run.info.status == "FINISHED" and run.info.run_name == "outer", run.info
assert run.data.params["lr"] == "0.1" and run.data.params["p149"] == "149"
assert run.data.params["empty"] == ""
assert run.data.tags["team"] == "red" and run.data.tags["größe"] == "klein"
assert run.data.tags["mlflow.note.content"] == "said in words"
assert run.data.tags["mlflow.source.name"].endswith("logging_everything.py")
assert run.data.metrics["loss"] == 1 / 50 and run.data.metrics["batch"] == 2499.0
assert run.data.metrics["odd"] == -1.7976931348623157e308

losses = client.get_metric_history(outer.info.run_id, "loss")
assert [(point.step, point.value) for point in losses] == [(i, 1 / (i + 1)) for i in range(50)]
odd = client.get_metric_history(outer.info.run_id, "odd")
assert math.isnan(odd[0].value) and odd[1].value == 1.7976931348623157e308, odd
batch = client.get_metric_history(outer.info.run_id, "batch")
assert [point.timestamp for point in batch] == [1_700_000_000_000 + i for i in range(2500)]

child = client.get_run(inner.info.run_id)
assert child.data.tags["mlflow.parentRunId"] == outer.info.run_id
children = mlflow.search_runs(
    experiment_names=["logging"],
    filter_string=f"tags.mlflow.parentRunId = '{outer.info.run_id}'",
    output_format="list",
)
assert [each.info.run_id for each in children] == [inner.info.run_id]
print(outer.info.run_id, inner.info.run_id)
