"""The first cells of a notebook, word for word; its server listens on MLflow's usual port."""

import mlflow

mlflow.set_tracking_uri("http://localhost:5000")
mlflow.set_experiment("test")

with mlflow.start_run():
    mlflow.get_artifact_uri()
