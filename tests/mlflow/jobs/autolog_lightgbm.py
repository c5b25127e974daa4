"""LightGBM under autologging: a metric per boosting round, and the model loaded back."""

import warnings

import lightgbm
import mlflow
import numpy as np

warnings.filterwarnings("ignore")
client = mlflow.MlflowClient()
mlflow.set_experiment("lightgbm")
mlflow.lightgbm.autolog()
random = np.random.default_rng(0)
features = random.normal(size=(300, 4))
labels = (features[:, 0] + features[:, 1] > 0).astype(int)
training = lightgbm.Dataset(features[:200], labels[:200])
validation = lightgbm.Dataset(features[200:], labels[200:], reference=training)

with mlflow.start_run() as run:
    model = lightgbm.train(
        {"objective": "binary", "metric": "binary_logloss", "verbose": -1, "num_threads": 1},
        training,
        num_boost_round=20,
        valid_sets=[validation],
        valid_names=["validation"],
    )

history = client.get_metric_history(run.info.run_id, "validation-binary_logloss")
assert [point.step for point in history] == list(range(20)), history
assert history[-1].value < history[0].value
loaded = mlflow.lightgbm.load_model(f"runs:/{run.info.run_id}/model")
assert np.allclose(loaded.predict(features), model.predict(features))
