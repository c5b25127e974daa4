"""A multi-layer perceptron with its backward pass, in numpy."""

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Gradient:
    """What a backward pass gives.

    Attributes:
        loss: Mean cross-entropy in nats.
        accuracy: Share of the pictures whose class was the most probable one.
        flat: Derivative of the loss by every weight, in the order of `MLP.weights`.
        activations: Each layer's output, (pictures, units); the last one's are probabilities.
    """

    loss: float
    accuracy: float
    flat: Array
    activations: list[Array]


class MLP:
    """Fully connected layers with ReLU between them and softmax at the end.

    All weights lie in one flat vector, `weights`, so that ranks can average their gradients in
    one go.

    Args:
        sizes: Units of the input, of each hidden layer and of the output.
        seed: Decides the first weights; equal seeds give equal bits.
    """

    def __init__(self, sizes: list[int], seed: int) -> None:
        self.shapes = list(itertools.pairwise(sizes))
        self.weights: Array = np.zeros(sum((i + 1) * o for i, o in self.shapes), np.float32)
        random = np.random.default_rng(seed)
        for matrix, _ in self.layers(self.weights):
            inputs = len(matrix)
            matrix[:] = random.normal(0, np.sqrt(2 / inputs), matrix.shape)

    def layers(self, flat: Array) -> list[tuple[Array, Array]]:
        """Returns each layer's matrix (inputs, outputs) and bias (outputs,): views of `flat`."""
        views: list[tuple[Array, Array]] = []
        end = 0
        for inputs, outputs in self.shapes:
            start, middle, end = end, end + inputs * outputs, end + (inputs + 1) * outputs
            views.append((flat[start:middle].reshape(inputs, outputs), flat[middle:end]))
        return views

    def forward(self, images: Array) -> list[Array]:
        """Returns each layer's output; the last one's are probabilities."""
        values = images
        activations: list[Array] = []
        for matrix, bias in self.layers(self.weights):
            values = values @ matrix + bias
            if len(activations) + 1 < len(self.shapes):
                values = np.maximum(values, 0)
            activations.append(values)
        activations[-1] = _softmax(activations[-1])
        return activations

    def backward(self, images: Array, labels: NDArray[np.int64]) -> Gradient:
        """Runs a batch forward and back."""
        activations = self.forward(images)
        rows = np.arange(len(labels))
        probabilities = activations[-1]
        loss = -np.log(probabilities[rows, labels] + np.finfo(np.float32).tiny).mean()
        accuracy = (probabilities.argmax(axis=1) == labels).mean()

        error = probabilities.copy()
        error[rows, labels] -= 1
        error /= len(labels)
        flat = np.empty_like(self.weights)
        weights, gradients = self.layers(self.weights), self.layers(flat)
        for layer in reversed(range(len(self.shapes))):
            below = activations[layer - 1] if layer else images
            matrix, bias = gradients[layer]
            matrix[:] = below.T @ error
            bias[:] = error.sum(axis=0)
            if layer:
                error = (error @ weights[layer][0].T) * (below > 0)
        return Gradient(float(loss), float(accuracy), flat, activations)


class Momentum:
    """Stochastic gradient descent with momentum and weight decay."""

    def __init__(self, weights: Array, *, momentum: float, weight_decay: float) -> None:
        self._weights = weights
        self._velocity = np.zeros_like(weights)
        self._momentum = np.float32(momentum)
        self._weight_decay = np.float32(weight_decay)

    def step(self, gradient: Array, learning_rate: float) -> None:
        """Moves the weights, in place."""
        self._velocity *= self._momentum
        self._velocity += gradient + self._weight_decay * self._weights
        self._weights -= np.float32(learning_rate) * self._velocity


def cosine(step: int, steps: int, *, peak: float, warm_up_steps: int) -> float:
    """Returns a step's learning rate: up in a line, then down along half a cosine."""
    if step < warm_up_steps:
        return peak * (step + 1) / warm_up_steps
    progress = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return float(peak * 0.5 * (1 + np.cos(np.pi * progress)))


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares
