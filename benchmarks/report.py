"""How benchmarks say what they measured."""

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Figure", "machine", "median_of", "show"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure, and what it is compared with: something measured in the same run."""

    name: str
    value: float
    unit: str
    reference: float | None = None
    reference_name: str = ""
    detail: str = ""

    def __str__(self) -> str:
        text = f"{self.name:<46} {_number(self.value):>12} {self.unit}"
        if self.reference:
            ratio = self.value / self.reference
            text += f"   = {ratio:.2f} x {self.reference_name} ({_number(self.reference)})"
        return f"{text}\n{'':<46} {self.detail}" if self.detail else text


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"


def show(figures: Sequence[Figure]) -> None:
    """Writes figures to standard output."""
    for figure in figures:
        sys.stdout.write(f"{figure}\n")
    sys.stdout.flush()


def median_of(values: Sequence[float]) -> float:
    """Returns the median."""
    return statistics.median(values)


def machine() -> str:
    """Describes the machine in one line."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores ({model}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f}"
    )
