"""Files, folders, texts, figures, images, tables and a file in parts, written and read back."""

import os
import tempfile
from pathlib import Path

import matplotlib
import mlflow
import numpy as np
import pandas as pd

matplotlib.use("Agg")
from matplotlib import pyplot

LARGE_BYTES = 24 * 2**20

client = mlflow.MlflowClient()
mlflow.set_experiment("artifacts")

with tempfile.TemporaryDirectory() as folder, mlflow.start_run() as run:
    root = Path(folder)
    (root / "model").mkdir()
    (root / "model" / "weights.bin").write_bytes(b"\x00\x01" * 1000)
    (root / "model" / "ümlaut name.txt").write_text("ä")
    (root / "empty").write_bytes(b"")
    mlflow.log_artifact(str(root / "empty"))
    mlflow.log_artifact(str(root / "model" / "weights.bin"), artifact_path="a/b")
    mlflow.log_artifacts(str(root / "model"), artifact_path="model")
    mlflow.log_text("hello", "notes/hello.txt")
    mlflow.log_dict({"a": [1, 2]}, "config.json")
    mlflow.log_dict({"a": [1, 2]}, "config.yaml")
    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    mlflow.log_figure(figure, "curve.png")
    mlflow.log_image(np.zeros((4, 4, 3), np.uint8), "black.png")
    mlflow.log_table(pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}), "table.json")
    large = os.urandom(LARGE_BYTES)
    (root / "large").write_bytes(large)
    mlflow.log_artifact(str(root / "large"))

    found = {each.path: each for each in client.list_artifacts(run.info.run_id)}
    assert found["large"].file_size == LARGE_BYTES and not found["large"].is_dir
    assert found["a"].is_dir and found["empty"].file_size in {None, 0}
    expected = {"a", "model", "notes", "empty", "large", "table.json"}
    assert expected <= set(found), found
    assert {"model/weights.bin", "model/ümlaut name.txt"} == {
        each.path for each in client.list_artifacts(run.info.run_id, "model")
    }

    where = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(root / "back"))
    back = Path(where)
    assert (back / "large").read_bytes() == large
    assert (back / "empty").read_bytes() == b""
    assert (back / "a" / "b" / "weights.bin").read_bytes() == b"\x00\x01" * 1000
    assert (back / "model" / "ümlaut name.txt").read_text() == "ä"
    uri = mlflow.get_artifact_uri("notes/hello.txt")
    assert mlflow.artifacts.load_text(uri) == "hello"
    assert mlflow.artifacts.load_dict(mlflow.get_artifact_uri("config.json")) == {"a": [1, 2]}
    table = mlflow.load_table("table.json", run_ids=[run.info.run_id])
    assert table["x"].tolist() == [1, 2]

print(run.info.run_id)
