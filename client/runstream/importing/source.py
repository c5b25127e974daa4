"""What an importer asks of a store."""

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from runstream.errors import RunstreamError
from runstream.importing.entities import (
    ModelPoint,
    Points,
    RunDetails,
    SourceExperiment,
    SourceModel,
    SourceRun,
)

__all__ = ["Source", "UnreadableSource", "columns", "missing_package"]

MAX_TIME_MS: Final = (2**63 - 1) // 1000


class UnreadableSource(RunstreamError):
    """Means that a store is none of MLflow's, or cannot be read."""


class Source(ABC):
    """A store that is read and never changed. It may be in use meanwhile.

    Methods may be called from several threads. All of them raise UnreadableSource.

    Attributes:
        name: What the store is called in messages; shows no password.
        folder: Where relative paths in the store begin.
        unreadable: Why parts that cannot be read were left out so far, by what they are.
    """

    name: str
    folder: Path
    unreadable: dict[str, str]

    @abstractmethod
    def experiments(self) -> Sequence[SourceExperiment]:
        """Returns all experiments, deleted ones included."""

    @abstractmethod
    def runs(self, experiment_id: str) -> Sequence[SourceRun]:
        """Returns the runs of an experiment, deleted ones included."""

    @abstractmethod
    def details(self, runs: Sequence[SourceRun]) -> Mapping[str, RunDetails]:
        """Returns by run id what was logged to some runs."""

    @abstractmethod
    def points(
        self, run: SourceRun, series: Mapping[str, int], complain: Callable[[str], None]
    ) -> Iterator[Points]:
        """Yields all points, metric by metric; in the same order each time for the same `series`.

        Args:
            run: The run.
            series: What its details say.
            complain: Is told of what cannot be read.
        """

    @abstractmethod
    def count_points(self) -> int:
        """Counts the points of all runs."""

    @abstractmethod
    def models(self) -> Sequence[SourceModel]:
        """Returns all logged models, deleted ones included."""

    @abstractmethod
    def model_points(self, run: SourceRun) -> Sequence[ModelPoint]:
        """Returns the points that a run logged about models."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of the store."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def missing_package(name: str) -> UnreadableSource:
    """Returns the error of an installation that lacks a package of the extra."""
    return UnreadableSource(
        f"importing from MLflow needs {name}, which is not installed: "
        "pip install 'runstream[import]'"
    )


def columns(
    key: str,
    time_ms: Sequence[int],
    step: Sequence[int],
    value: Sequence[float],
    complain: Callable[[str], None],
) -> Points:
    """Returns points as columns, without those that the contract has no place for."""
    try:
        if min(time_ms, default=0) >= 0:
            time_us = array("q", [time * 1000 for time in time_ms])
            return Points(key, array("q", step), time_us, array("d", value))
    except OverflowError:
        pass
    kept = [
        (point_step, time * 1000, point_value)
        for time, point_step, point_value in zip(time_ms, step, value, strict=True)
        if 0 <= time <= MAX_TIME_MS and -(2**63) <= point_step < 2**63
    ]
    lost = len(time_ms) - len(kept)
    complain(f"metric {key!r}: {lost} points whose time or step is out of range")
    steps, times, values = zip(*kept, strict=True) if kept else ((), (), ())
    return Points(key, array("q", steps), array("q", times), array("d", values))
