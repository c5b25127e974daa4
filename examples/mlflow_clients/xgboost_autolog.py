"""XGBoost under MLflow's autologging, unchanged: `pip install xgboost mlflow`.

MLFLOW_TRACKING_URI=http://localhost:5000 python examples/mlflow_clients/xgboost_autolog.py
"""

import mlflow
import numpy as np
import xgboost


def main() -> None:
    mlflow.set_experiment("xgboost")
    mlflow.xgboost.autolog()
    random = np.random.default_rng(0)
    features = random.normal(size=(1000, 5))
    labels = (features[:, 0] * features[:, 1] > 0).astype(int)
    training = xgboost.DMatrix(features[:800], labels[:800])
    validation = xgboost.DMatrix(features[800:], labels[800:])

    with mlflow.start_run() as run:
        model = xgboost.train(
            {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3},
            training,
            num_boost_round=40,
            evals=[(validation, "validation")],
            verbose_eval=False,
        )

    client = mlflow.MlflowClient()
    stored = client.get_run(run.info.run_id)
    losses = client.get_metric_history(run.info.run_id, "validation-logloss")
    loaded = mlflow.xgboost.load_model(f"runs:/{run.info.run_id}/model")
    print(f"run {run.info.run_id} {stored.info.status}, params {sorted(stored.data.params)}")
    print(f"{len(losses)} rounds, logloss from {losses[0].value:.3f} to {losses[-1].value:.3f}")
    print("artifacts", [each.path for each in client.list_artifacts(run.info.run_id)])
    print(
        "loaded model predicts the same:",
        np.allclose(loaded.predict(validation), model.predict(validation)),
    )


if __name__ == "__main__":
    main()
