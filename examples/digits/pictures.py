"""Pictures of a training: curves and a confusion matrix."""

# matplotlib leaves the types of its options open.
# pyright: reportUnknownMemberType=false

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digits.results import Curves


def draw_curves(curves: Curves) -> Figure:
    """Draws the training loss and the validation accuracy over steps."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(curves.losses, color="tab:blue", linewidth=0.8)
    axes.set_xlabel("step")
    axes.set_ylabel("training loss, rank 0", color="tab:blue")
    right = axes.twinx()
    right.plot(
        curves.validation_steps,
        curves.validation_accuracies,
        "o-",
        color="tab:orange",
        markersize=3,
    )
    right.set_ylabel("validation accuracy", color="tab:orange")
    right.set_ylim(0, 1.02)
    return figure


def draw_confusion(confusion: NDArray[np.int64]) -> Figure:
    """Draws how often each digit (rows) was taken for which (columns)."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.log1p(confusion), cmap="Blues")
    for (row, column), count in np.ndenumerate(confusion):
        if count:
            color = "white" if row == column else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=color)
    axes.set_xticks(range(len(confusion)))
    axes.set_yticks(range(len(confusion)))
    axes.set_xlabel("recognised as")
    axes.set_ylabel("digit")
    return figure
