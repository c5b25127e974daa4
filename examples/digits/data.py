"""The handwritten digits that scikit-learn ships: 1 797 grey pictures of 8 x 8 pixels."""

import importlib
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

CLASSES = 10
PIXELS = 64
GREATEST_GREY = 16
VALIDATION_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Digits:
    """Pictures, (n, 64) in 0..1, and what they show, (n,) in 0..9."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> "Digits":
        return Digits(self.images[rows], self.labels[rows])


def load_digits(seed: int) -> tuple[Digits, Digits]:
    """Returns what to train on and what to validate with; each class has its share in both."""
    # Loading scikit-learn takes seconds, and not every process needs it.
    datasets = cast("Any", importlib.import_module("sklearn.datasets"))
    images, labels = datasets.load_digits(return_X_y=True)
    digits = Digits((images / GREATEST_GREY).astype(np.float32), labels.astype(np.int64))
    random = np.random.default_rng(seed)
    training: list[NDArray[np.int64]] = []
    validation: list[NDArray[np.int64]] = []
    for label in range(CLASSES):
        rows = random.permutation(np.flatnonzero(digits.labels == label))
        cut = round(len(rows) * VALIDATION_SHARE)
        validation.append(rows[:cut])
        training.append(rows[cut:])
    return digits.take(np.concatenate(training)), digits.take(np.concatenate(validation))


def rows_of(
    step: int, *, count: int, batch: int, rank: int, world_size: int, seed: int
) -> NDArray[np.int64]:
    """Returns the rows that one rank trains on in a step: its part of the step's batch.

    All ranks shuffle alike, once an epoch, so their parts never overlap. An epoch's last,
    incomplete batch is left out.
    """
    epoch, place = divmod(step, count // batch)
    order = np.random.default_rng((seed, epoch)).permutation(count)
    return order[place * batch : (place + 1) * batch][rank::world_size]
