"""A model logged by hand, also under a registered name, which this server does not keep."""

import warnings

import mlflow
import numpy as np
from sklearn.linear_model import LinearRegression

warnings.filterwarnings("ignore")
client = mlflow.MlflowClient()
mlflow.set_experiment("models")
features = np.arange(6.0).reshape(-1, 1)
model = LinearRegression().fit(features, 2 * features[:, 0])
newer = not mlflow.__version__.startswith("2.")
name = {"name": "line"} if newer else {"artifact_path": "line"}

with mlflow.start_run() as run:
    info = mlflow.sklearn.log_model(model, **name, input_example=features[:2])
    mlflow.log_metric("mse", 0.0)
loaded = mlflow.sklearn.load_model(info.model_uri)
assert np.allclose(loaded.predict(features), 2 * features[:, 0])
if newer:
    logged = mlflow.get_logged_model(info.model_id)
    assert (logged.name, str(logged.status)) == ("line", "READY"), logged
    assert logged.source_run_id == run.info.run_id
    assert [each.model_id for each in client.get_run(run.info.run_id).outputs.model_outputs] == [
        info.model_id
    ]
    found = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], filter_string="name = 'line'", output_format="list"
    )
    assert [each.model_id for each in found] == [info.model_id]

refused = None
with mlflow.start_run() as run:
    try:
        mlflow.sklearn.log_model(model, **name, registered_model_name="registered")
    except mlflow.MlflowException as error:
        refused = str(error)
loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/line")
assert np.allclose(loaded.predict(features), 2 * features[:, 0])
assert client.get_run(run.info.run_id).info.status == "FINISHED"
print(refused)
