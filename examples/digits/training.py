"""One rank's part in training a network on digits."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digits.data import CLASSES, PIXELS, Digits, rows_of
from digits.mlp import MLP, Array, Gradient, Momentum, cosine
from digits.ranks import Ranks

MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What a training is told.

    Attributes:
        steps_per_s: Go no faster than this; 0 is as fast as can be.
        batch: Pictures in a step, of all ranks together.
        noise: Standard deviation of what is added to the pixels, so that none is learnt by heart.
    """

    steps: int
    steps_per_s: float
    processes: int
    hidden: tuple[int, ...] = (128, 96, 64)
    batch: int = 128
    peak_learning_rate: float = 0.1
    warm_up_steps: int = 20
    momentum: float = 0.9
    weight_decay: float = 5e-4
    noise: float = 0.25
    seed: int = 0

    def model(self) -> MLP:
        """Returns the network before training."""
        return MLP([PIXELS, *self.hidden, CLASSES], self.seed)


class Trainer:
    """Holds a copy of the network, which is the same in all ranks after every step."""

    def __init__(self, ranks: Ranks, settings: Settings, training: Digits) -> None:
        self.model = settings.model()
        self._ranks = ranks
        self._settings = settings
        self._training = training
        self._optimizer = Momentum(
            self.model.weights, momentum=settings.momentum, weight_decay=settings.weight_decay
        )

    def step(self, step: int) -> dict[str, float]:
        """Trains on this rank's part of a batch, and returns what is worth a look."""
        begin = time.perf_counter()
        part = self._training.take(self._rows(step))
        gradient = self.model.backward(part.images + self._noise(step, len(part)), part.labels)
        computed = time.perf_counter()
        mean_gradient = self._ranks.mean(gradient.flat)
        averaged = time.perf_counter()
        learning_rate = self._learning_rate(step)
        self._optimizer.step(mean_gradient, learning_rate)
        duration_s = time.perf_counter() - begin
        return {
            "loss": gradient.loss,
            "accuracy": gradient.accuracy,
            "learning_rate": learning_rate,
            "gradient_norm": norm([mean_gradient]),
            "time/step_ms": duration_s * MILLISECONDS,
            "time/all_reduce_ms": (averaged - computed) * MILLISECONDS,
            "throughput/samples_per_s": len(part) / duration_s,
            **layer_metrics(self.model, gradient),
        }

    def _rows(self, step: int) -> NDArray[np.int64]:
        return rows_of(
            step,
            count=len(self._training),
            batch=self._settings.batch,
            rank=self._ranks.rank,
            world_size=self._ranks.world_size,
            seed=self._settings.seed,
        )

    def _noise(self, step: int, pictures: int) -> Array:
        random = np.random.default_rng((self._settings.seed, step, self._ranks.rank))
        return random.normal(0, self._settings.noise, (pictures, PIXELS)).astype(np.float32)

    def _learning_rate(self, step: int) -> float:
        settings = self._settings
        return cosine(
            step,
            settings.steps,
            peak=settings.peak_learning_rate,
            warm_up_steps=settings.warm_up_steps,
        )


def layer_metrics(model: MLP, gradient: Gradient) -> dict[str, float]:
    """Returns what there is to know of each layer; gradients are this rank's own."""
    metrics: dict[str, float] = {}
    layers = zip(
        model.layers(model.weights), model.layers(gradient.flat), gradient.activations, strict=True
    )
    for number, (weights, gradients, outputs) in enumerate(layers, 1):
        metrics |= {
            f"layer{number}/gradient_norm": norm(gradients),
            f"layer{number}/weight_norm": norm(weights),
            f"layer{number}/activation_mean": float(outputs.mean()),
            f"layer{number}/activation_std": float(outputs.std()),
            f"layer{number}/activation_zeros": float((outputs == 0).mean()),
        }
    return metrics


def norm(arrays: Iterable[Array]) -> float:
    """Returns the Euclidean norm of all values in some arrays."""
    return float(np.sqrt(sum(float(np.vdot(array, array)) for array in arrays)))


def paced(steps: int, steps_per_s: float) -> Iterator[int]:
    """Yields the numbers of steps, no faster than asked for; 0 is as fast as can be."""
    begin = time.monotonic()
    for step in range(steps):
        if steps_per_s:
            time.sleep(max(0.0, begin + step / steps_per_s - time.monotonic()))
        yield step
