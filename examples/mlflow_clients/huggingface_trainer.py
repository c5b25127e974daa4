"""Hugging Face's Trainer with report_to="mlflow": `pip install transformers accelerate mlflow`.

The model is a tiny one, made from its configuration; nothing is downloaded.

    MLFLOW_TRACKING_URI=http://localhost:5000 python examples/mlflow_clients/huggingface_trainer.py
"""

import os
import tempfile

import mlflow
import torch
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainingArguments,
)

LENGTH = 16


class Parity(Dataset[dict[str, torch.Tensor]]):
    """Sequences of tokens, labelled by which of two tokens is more frequent."""

    def __init__(self, count: int) -> None:
        self.tokens = torch.randint(1, 3, (count, LENGTH))
        self.labels = (self.tokens == 1).sum(1).gt(LENGTH // 2).long()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.tokens[index], "labels": self.labels[index]}


def main() -> None:
    os.environ.setdefault("MLFLOW_EXPERIMENT_NAME", "transformers")
    os.environ.setdefault("HF_MLFLOW_LOG_ARTIFACTS", "1")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=8,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=LENGTH,
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            run_name="tiny-bert",
            report_to="mlflow",
            num_train_epochs=4,
            per_device_train_batch_size=32,
            learning_rate=3e-3,
            logging_steps=4,
            eval_strategy="epoch",
            save_strategy="epoch",
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = Trainer(
            model=BertForSequenceClassification(config),
            args=arguments,
            train_dataset=Parity(512),
            eval_dataset=Parity(128),
        )
        trainer.train()

    [run] = mlflow.search_runs(
        experiment_names=["transformers"], max_results=1, output_format="list"
    )
    client = mlflow.MlflowClient()
    losses = client.get_metric_history(run.info.run_id, "loss")
    print(f"run {run.info.run_name} {run.info.status}, {len(run.data.params)} params")
    print(f"{len(losses)} losses, from {losses[0].value:.3f} to {losses[-1].value:.3f}")
    print(
        "eval_loss",
        [round(p.value, 3) for p in client.get_metric_history(run.info.run_id, "eval_loss")],
    )
    models = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], output_format="list"
    )
    print("models", sorted(each.name for each in models if each.source_run_id == run.info.run_id))


if __name__ == "__main__":
    main()
