"""Trains a network on handwritten digits, in several processes that all log into one run.

    runstream server &
    python examples/train_digits.py

Every process is a rank: it works out the gradient of its part of each batch, all of them average
their gradients, and each streams what it sees of every layer. About the run they do not talk with
each other: what they share is their launcher, the experiment and the run's name.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

import runstream
from digits.data import Digits, load_digits
from digits.mlp import MLP
from digits.ranks import Ranks, run_ranks
from digits.results import Curves, checkpoint_bytes, evaluate
from digits.training import Settings, Trainer, paced

EXPERIMENT = "digits"
VALIDATE_EVERY_STEPS = 20


def train(ranks: Ranks, settings: Settings, training: Digits, validation: Digits) -> None:
    """Trains as one of the ranks."""
    runstream.set_experiment(EXPERIMENT)
    with runstream.start_run(run_name=f"mlp-x{ranks.world_size}") as run:
        if ranks.rank == 0:
            print(f"training run={run.run_id}", flush=True)
            run.log_params(asdict(settings))
            run.set_tags({"data": "scikit-learn digits", "model": "numpy MLP"})
        trainer = Trainer(ranks, settings, training)
        points, curves = fit(run, ranks, settings, trainer, validation)
        if not ranks.same(trainer.model.weights):
            raise RuntimeError(f"the weights of rank {ranks.rank} differ from rank 0's")
        counts = ranks.all_gather(np.array([points], np.float32))
        if ranks.rank == 0:
            run.set_tag("ranks_agree", "yes, to the bit")
            log_results(run, trainer.model, curves)
            log_final_evaluation(trainer.model, validation)
            print("logged points=" + ",".join(f"{count:.0f}" for count in counts.flat), flush=True)


def fit(
    run: runstream.ActiveRun, ranks: Ranks, settings: Settings, trainer: Trainer, validation: Digits
) -> tuple[int, Curves]:
    """Trains; returns how many points this rank logged, and the curves that rank 0 saw."""
    points, curves = 0, Curves()
    for step in paced(settings.steps, settings.steps_per_s):
        metrics = trainer.step(step)
        run.log(metrics, step=step)
        points += len(metrics)
        curves.losses.append(metrics["loss"])
        if ranks.rank == 0 and (step % VALIDATE_EVERY_STEPS == 0 or step == settings.steps - 1):
            seen = evaluate(trainer.model, validation)
            metrics = {"validation/loss": seen.loss, "validation/accuracy": seen.accuracy}
            run.log(metrics, step=step)
            points += len(metrics)
            curves.validation_steps.append(step)
            curves.validation_accuracies.append(seen.accuracy)
    return points, curves


def log_results(run: runstream.ActiveRun, model: MLP, curves: Curves) -> None:
    """Logs the trained network and what its training looked like."""
    from digits.pictures import draw_curves  # noqa: PLC0415 - one rank draws; loading takes time

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint.npz")
        checkpoint.write_bytes(checkpoint_bytes(model))
        run.log_artifact(checkpoint, "model")
        losses = Path(folder, "losses.npy")
        np.save(losses, np.array(curves.losses))
        run.log_artifact(losses, "curves")
    run.log_figure(draw_curves(curves), "curves/curves.png")


def log_final_evaluation(model: MLP, validation: Digits) -> None:
    """Logs how well each digit is recognised, as a run under the one that trained."""
    from digits.pictures import draw_confusion  # noqa: PLC0415 - as above

    seen = evaluate(model, validation)
    with runstream.start_run(run_name="final-evaluation", nested=True) as run:
        run.log_params({"pictures": len(validation)})
        run.log({"accuracy": seen.accuracy, "loss": seen.loss})
        run.log({f"recall/{digit}": float(share) for digit, share in enumerate(seen.recalls)})
        run.log_figure(draw_confusion(seen.confusion), "confusion.png")
        run.log_dict({"confusion": seen.confusion.tolist()}, "confusion.json")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--processes", type=int, default=4, help="how many train together")
    parser.add_argument("--steps", type=int, default=600, help="how many batches to train on")
    parser.add_argument("--steps-per-s", type=float, default=0, help="go no faster than this")
    # What is not given is as the settings have it.
    parser.add_argument(
        "--batch", type=int, default=argparse.SUPPRESS, help="how many pictures in a step"
    )
    parser.add_argument(
        "--peak-learning-rate",
        type=float,
        default=argparse.SUPPRESS,
        help="the learning rate after the warm-up",
    )
    settings = Settings(**vars(parser.parse_args(arguments)))
    training, validation = load_digits(settings.seed)
    return run_ranks(
        train,
        (settings, training, validation),
        world_size=settings.processes,
        capacity=len(settings.model().weights),
    )


if __name__ == "__main__":
    sys.exit(main())
