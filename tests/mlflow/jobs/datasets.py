"""Datasets as inputs of runs, read back and searched for."""

import mlflow
import numpy as np
import pandas as pd

client = mlflow.MlflowClient()
mlflow.set_experiment("datasets")
frame = pd.DataFrame({"x": [1.0, 2.0], "label": [0, 1]})

with mlflow.start_run() as run:
    training = mlflow.data.from_pandas(
        frame, source="s3://bucket/train.csv", name="train", targets="label"
    )
    mlflow.log_input(training, context="training", tags={"split": "first"})
    mlflow.log_input(training, context="training", tags={"split": "first"})
    mlflow.log_input(mlflow.data.from_numpy(np.zeros((3, 2)), name="zeros"), context="eval")

inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
assert sorted(each.dataset.name for each in inputs) == ["train", "zeros"], inputs
[train] = [each for each in inputs if each.dataset.name == "train"]
assert train.dataset.digest == training.digest
assert {tag.key: tag.value for tag in train.tags} == {
    "mlflow.data.context": "training",
    "split": "first",
}
assert "s3://bucket/train.csv" in train.dataset.source
assert "mlflow_colspec" in train.dataset.schema and "num_rows" in train.dataset.profile
for wanted in (
    "datasets.name = 'train'",
    "dataset.context = 'eval'",
    f"dataset.digest = '{training.digest}'",
):
    found = mlflow.search_runs(
        experiment_names=["datasets"], filter_string=wanted, output_format="list"
    )
    assert [each.info.run_id for each in found] == [run.info.run_id], wanted
assert not mlflow.search_runs(
    experiment_names=["datasets"], filter_string="datasets.name = 'test'", output_format="list"
)
