"""MLflow's asynchronous logging."""

import mlflow

client = mlflow.MlflowClient()
mlflow.set_experiment("asynchronous")

with mlflow.start_run() as run:
    waiting = [mlflow.log_metric("m", step, step=step, synchronous=False) for step in range(300)]
    mlflow.log_params({"a": 1}, synchronous=False)
    mlflow.set_tag("b", "2", synchronous=False).wait()
    for operation in waiting:
        operation.wait()
mlflow.flush_async_logging()
assert len(client.get_metric_history(run.info.run_id, "m")) == 300

mlflow.config.enable_async_logging()
with mlflow.start_run() as run:
    for step in range(300):
        mlflow.log_metric("m", step, step=step)
mlflow.flush_async_logging()
history = client.get_metric_history(run.info.run_id, "m")
assert [point.value for point in history] == list(map(float, range(300)))
