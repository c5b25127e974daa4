"""Fills a store as people do, and prints what MLflow then says is in it, as JSON."""

import json
import math
import struct
import sys

import mlflow
from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Metric, Param, RunTag, ViewType

HUGE = 1.7976931348623157e308
uri = sys.argv[1]
mlflow.set_tracking_uri(uri)
client = MlflowClient()
is_3 = int(mlflow.__version__.split(".")[0]) >= 3


def fill() -> list[str]:
    models: list[str] = []
    mlflow.set_experiment("vision")
    mlflow.set_experiment_tag("team", "a")
    with mlflow.start_run(run_name="parent", description="é") as run:
        mlflow.log_params({"lr": 0.1, "empty": "", "long": "v" * 500})
        for step in range(50):
            mlflow.log_metrics({"loss": 1 / (step + 1), "val/acc": step * 0.1}, step=step)
        points = [(5, -3, math.nan), (6, 2, math.inf), (7, 2, -math.inf), (7, 2, -0.0)]
        metrics = [Metric("odd", value, time, step) for time, step, value in points]
        client.log_batch(run.info.run_id, metrics, [Param("p q", "é")], [RunTag("t/u", "x\ny")])
        mlflow.log_text("text", "notes/a.txt")
        mlflow.log_text("", "empty.txt")
        data = mlflow.data.from_numpy(__import__("numpy").zeros((3, 2)), name="zeros")
        mlflow.log_input(data, context="training")
        with mlflow.start_run(run_name="child", nested=True):
            mlflow.log_metric("loss", 3.0)
        if is_3:
            models.append(log_model(run.info.run_id))
    experiment = client.create_experiment("by client")
    for status in ("FAILED", "KILLED", "SCHEDULED", "RUNNING"):
        made = client.create_run(experiment).info.run_id
        if status in {"FAILED", "KILLED"}:
            client.set_terminated(made, status)
        else:
            client.update_run(made, status=status)
    client.delete_run(client.create_run(experiment, tags={"k": "v"}).info.run_id)
    gone = client.create_experiment("gone")
    client.create_run(gone)
    client.delete_experiment(gone)
    return models


def log_model(run_id: str) -> str:
    from mlflow.entities import LoggedModelInput, LoggedModelOutput  # noqa: PLC0415 - not in 2

    experiment_id = client.get_run(run_id).info.experiment_id
    model = client.create_logged_model(
        experiment_id, "digits", run_id, tags={"t": "1"}, params={"depth": "3"}
    )
    with open("MLmodel", "w") as file:  # noqa: PTH123 - as people write it
        file.write("flavors: {}\n")
    client.log_model_artifact(model.model_id, "MLmodel")
    client.log_metric(run_id, "acc", 0.5, step=1, model_id=model.model_id)
    client.log_metric(run_id, "acc", math.nan, step=2, model_id=model.model_id)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 4)])
    client.log_inputs(run_id, models=[LoggedModelInput(model.model_id)])
    client.finalize_logged_model(model.model_id, "READY")
    return model.model_id


def describe(run_id: str) -> dict:
    run = client.get_run(run_id)
    info = run.info
    points = {
        key: sorted(
            {
                (one.timestamp, one.step, struct.pack("<d", one.value).hex())
                for one in client.get_metric_history(run_id, key)
            },
            key=order,
        )
        for key in run.data.metrics
    }
    outputs = run.outputs.model_outputs if is_3 and run.outputs else []
    inputs = run.inputs.model_inputs if is_3 else []
    return {
        "experiment_id": info.experiment_id,
        "name": info.run_name,
        "status": info.status,
        "stage": info.lifecycle_stage,
        "user": info.user_id,
        "times": [info.start_time, info.end_time],
        "params": run.data.params,
        "tags": run.data.tags,
        "points": points,
        "datasets": [describe_dataset(one) for one in run.inputs.dataset_inputs],
        "models": [
            [one.model_id for one in inputs],
            [[one.model_id, one.step] for one in outputs],
        ],
        "files": sorted(
            found.path
            for top in client.list_artifacts(run_id)
            for found in (client.list_artifacts(run_id, top.path) if top.is_dir else [top])
        ),
    }


def order(point: tuple) -> tuple:
    time, step, bits = point
    value = struct.unpack("<d", bytes.fromhex(bits))[0]
    is_nan = math.isnan(value)
    return (step, time, not is_nan, 0 if is_nan else value, math.copysign(1, value))


def describe_dataset(one: DatasetInput) -> list:
    dataset = one.dataset
    return [dataset.name, dataset.digest, dataset.schema, {tag.key: tag.value for tag in one.tags}]


models = fill()
experiments = client.search_experiments(ViewType.ALL)
runs = client.search_runs([one.experiment_id for one in experiments], "", ViewType.ALL, 1000)
told = {
    "experiments": {
        one.experiment_id: [one.name, one.lifecycle_stage, one.tags] for one in experiments
    },
    "runs": {run.info.run_id: describe(run.info.run_id) for run in runs},
    "models": {},
}
for model_id in models:
    model = client.get_logged_model(model_id)
    count = 2
    told["models"][model_id] = [model.name, str(model.status), model.params, model.tags, count]
print(json.dumps(told))
