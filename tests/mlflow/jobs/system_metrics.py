"""System metrics, sampled while a run lasts."""

import time

import mlflow

client = mlflow.MlflowClient()
mlflow.set_experiment("system metrics")
mlflow.set_system_metrics_sampling_interval(0.2)
mlflow.set_system_metrics_samples_before_logging(1)

with mlflow.start_run(log_system_metrics=True) as run:
    deadline = time.monotonic() + 30
    while "system/cpu_utilization_percentage" not in client.get_run(run.info.run_id).data.metrics:
        assert time.monotonic() < deadline, "no system metrics came"
        time.sleep(0.1)
