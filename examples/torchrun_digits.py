"""Trains a network on handwritten digits with PyTorch, in several processes that log into one run.

    pip install 'runstream[server,demo,torch]'
    runstream server &
    torchrun --nproc-per-node 4 examples/torchrun_digits.py

Nothing here says which run the ranks belong to: torchrun gives each its rank, and its run.
"""

# PyTorch is not among what this project's checks install.
# pyright: basic, reportMissingImports=false

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

import runstream
from digits.data import CLASSES, PIXELS, Digits, load_digits, rows_of

HIDDEN = (128, 96, 64)
BATCH = 128
PEAK_LEARNING_RATE = 0.1
NOISE = 0.25
VALIDATE_EVERY_STEPS = 20
SEED = 0
MILLISECONDS = 1_000


def train(steps: int, rank: int, world_size: int) -> None:
    """Trains as one of the ranks."""
    training, validation = load_digits(SEED)
    torch.manual_seed(SEED)
    network = make_network()
    activations = watch_activations(network)
    model = DistributedDataParallel(network)
    optimizer = torch.optim.SGD(model.parameters(), lr=PEAK_LEARNING_RATE, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    torch.manual_seed(rank)

    runstream.set_experiment("digits")
    with runstream.start_run(run_name=f"ddp-x{world_size}") as run:
        if rank == 0:
            print(f"training run={run.run_id}", flush=True)
            run.log_params({"steps": steps, "processes": world_size, "hidden": HIDDEN})
            run.set_tags({"data": "scikit-learn digits", "model": "PyTorch MLP, DDP on gloo"})
        for step in range(steps):
            begin = time.perf_counter()
            images, labels = part_of(step, training, rank, world_size)
            logits = model(images)
            loss = cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            metrics = {
                "loss": loss.detach(),
                "accuracy": (logits.argmax(dim=1) == labels).float().mean(),
                "learning_rate": schedule.get_last_lr()[0],
                "time/step_ms": (time.perf_counter() - begin) * MILLISECONDS,
                **layer_metrics(network, activations),
            }
            run.log(metrics, step=step)
            schedule.step()
            if rank == 0 and (step % VALIDATE_EVERY_STEPS == 0 or step == steps - 1):
                run.log({"validation": validate(network, validation)}, step=step)
        if rank == 0:
            log_checkpoint(run, network)
    if rank == 0:
        print(f"validation accuracy {validate(network, validation)['accuracy']:.1%}", flush=True)


def make_network() -> Any:  # noqa: ANN401 - of PyTorch, which need not be there to check this file
    sizes = [PIXELS, *HIDDEN]
    layers: list[Any] = []
    for inputs, outputs in zip(sizes, HIDDEN, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN[-1], CLASSES))


def watch_activations(network: Any) -> dict[int, Any]:  # noqa: ANN401 - as above
    """Returns what every layer put out last, by its number; follows along."""
    latest: dict[int, Any] = {}
    for number, layer in enumerate(linear_layers(network), 1):

        def keep(_: object, __: object, output: Any, number: int = number) -> None:  # noqa: ANN401 - as above
            latest[number] = output.detach()

        layer.register_forward_hook(keep)
    return latest


def part_of(step: int, training: Digits, rank: int, world_size: int) -> tuple[Any, Any]:
    """Returns the pictures and labels that one rank trains on in a step."""
    count = len(training)
    rows = rows_of(step, count=count, batch=BATCH, rank=rank, world_size=world_size, seed=SEED)
    part = training.take(rows)
    images = torch.from_numpy(part.images)
    return images + NOISE * torch.randn_like(images), torch.from_numpy(part.labels)


def layer_metrics(network: Any, activations: Mapping[int, Any]) -> dict[str, object]:  # noqa: ANN401 - as above
    """Returns what there is to know of each layer; gradients are the average of all ranks."""
    metrics: dict[str, object] = {}
    for number, layer in enumerate(linear_layers(network), 1):
        parameters = list(layer.parameters())
        metrics[f"layer{number}"] = {
            "gradient_norm": norm([each.grad for each in parameters]),
            "weight_norm": norm([each.data for each in parameters]),
            "activation_mean": activations[number].mean(),
            "activation_std": activations[number].std(),
        }
    return metrics


def norm(tensors: list[Any]) -> Any:  # noqa: ANN401 - as above
    return torch.cat([tensor.flatten() for tensor in tensors]).norm()


def linear_layers(network: Any) -> list[Any]:  # noqa: ANN401 - as above
    return [module for module in network if isinstance(module, nn.Linear)]


def validate(network: Any, validation: Digits) -> dict[str, float]:  # noqa: ANN401 - as above
    with torch.no_grad():
        logits = network(torch.from_numpy(validation.images))
        labels = torch.from_numpy(validation.labels)
        return {
            "loss": float(cross_entropy(logits, labels)),
            "accuracy": float((logits.argmax(dim=1) == labels).float().mean()),
        }


def log_checkpoint(run: runstream.ActiveRun, network: Any) -> None:  # noqa: ANN401 - as above
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint.pt")
        torch.save(network.state_dict(), checkpoint)
        run.log_artifact(checkpoint, "model", move=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=600, help="how many batches to train on")
    steps: int = parser.parse_args().steps
    distributed.init_process_group("gloo")
    try:
        train(steps, distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main()
