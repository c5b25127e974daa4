"""A real fit under autologging: what it logs, and the model loaded back."""

import warnings

import mlflow
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

warnings.filterwarnings("ignore")
client = mlflow.MlflowClient()
mlflow.set_experiment("autolog")
mlflow.sklearn.autolog()
features, labels = load_iris(return_X_y=True)

with mlflow.start_run() as run:
    model = RandomForestClassifier(n_estimators=10, max_depth=3, random_state=0)
    model.fit(features, labels)
    model.score(features, labels)

stored = client.get_run(run.info.run_id)
assert stored.data.params["n_estimators"] == "10", stored.data.params
assert stored.data.metrics["training_accuracy_score"] > 0.9, stored.data.metrics
assert stored.data.tags["estimator_name"] == "RandomForestClassifier"
assert [each.dataset.name for each in stored.inputs.dataset_inputs], stored.inputs
assert "training_confusion_matrix.png" in {
    each.path for each in client.list_artifacts(run.info.run_id)
}
loaded = mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model")
assert np.array_equal(loaded.predict(features), model.predict(features))
generic = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
assert np.array_equal(generic.predict(features), model.predict(features))
print(run.info.run_id)
