"""Lightning with its own MLFlowLogger, unchanged: `pip install lightning mlflow`.

MLFLOW_TRACKING_URI=http://localhost:5000 python examples/mlflow_clients/lightning_logger.py
"""

import os
import tempfile

import lightning
import mlflow
import torch
from lightning.pytorch.loggers import MLFlowLogger
from torch.utils.data import DataLoader, TensorDataset


class Line(lightning.LightningModule):
    def __init__(self, lr: float = 0.05) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


def main() -> None:
    torch.manual_seed(0)
    features = torch.randn(512, 4)
    labels = features @ torch.tensor([[1.0], [-2.0], [0.5], [3.0]])
    data = DataLoader(TensorDataset(features, labels), batch_size=16, shuffle=True)
    uri = os.environ["MLFLOW_TRACKING_URI"]
    logger = MLFlowLogger(experiment_name="lightning", tracking_uri=uri, log_model=True)
    with tempfile.TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            max_epochs=4,
            logger=logger,
            log_every_n_steps=1,
            default_root_dir=folder,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Line(), data)

    client = mlflow.MlflowClient(uri)
    run = client.get_run(logger.run_id)
    losses = client.get_metric_history(logger.run_id, "train_loss")
    print(f"run {run.info.run_id} {run.info.status}, params {run.data.params}")
    print(f"{len(losses)} losses, from {losses[0].value:.3f} to {losses[-1].value:.3f}")
    print(
        "artifacts",
        [each.path for each in client.list_artifacts(logger.run_id)],
    )


if __name__ == "__main__":
    main()
