"""What comes out of a training: curves, a checkpoint, and how well the network does."""

import io
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from digits.data import CLASSES, Digits
from digits.mlp import MLP

SMALLEST = 1e-30


@dataclass(slots=True)
class Curves:
    """Rank 0's view of a training, as it went on."""

    losses: list[float] = field(default_factory=list[float])
    validation_steps: list[int] = field(default_factory=list[int])
    validation_accuracies: list[float] = field(default_factory=list[float])


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a network does on pictures that it was not trained with.

    Attributes:
        loss: Mean cross-entropy in nats.
        confusion: How often each digit (rows) was taken for which (columns).
    """

    loss: float
    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def recalls(self) -> NDArray[np.float64]:
        """Returns the share of each digit's pictures that was recognised."""
        shares: NDArray[np.float64] = self.confusion.diagonal() / self.confusion.sum(axis=1)
        return shares


def evaluate(model: MLP, digits: Digits) -> Evaluation:
    """Tries a network on pictures."""
    probabilities = model.forward(digits.images)[-1]
    right = probabilities[np.arange(len(digits)), digits.labels]
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (digits.labels, probabilities.argmax(axis=1)), 1)
    return Evaluation(float(-np.log(np.maximum(right, SMALLEST)).mean()), confusion)


def checkpoint_bytes(model: MLP) -> bytes:
    """Returns a network as the bytes of an .npz file."""
    buffer = io.BytesIO()
    sizes = [model.shapes[0][0], *(outputs for _, outputs in model.shapes)]
    np.savez_compressed(buffer, sizes=np.array(sizes), weights=model.weights)
    return buffer.getvalue()


def read_checkpoint(content: bytes) -> MLP:
    """Returns the network in the bytes of an .npz file."""
    with np.load(io.BytesIO(content)) as arrays:
        model = MLP([int(size) for size in arrays["sizes"]], seed=0)
        model.weights[:] = arrays["weights"]
    return model
