"""The files of metrics in an MLflow file store.

A line is time, value and step, then for a point about a dataset its name and digest; in the file
of a model the run's id comes before these. The oldest lines have no step. Everything is divided by
single spaces, and a dataset's name may hold spaces as well.
"""

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from runstream.importing.entities import ModelPoint, Points
from runstream.importing.source import columns

__all__ = ["count_lines", "read_metric", "read_model_metric"]

LINES_A_PIECE: Final = 100_000
_RUN_FIELDS: Final = 4
"""Time, value, step, run."""


def read_metric(
    path: Path, key: str, size: int, complain: Callable[[str], None]
) -> Iterator[Points]:
    """Yields the points in the first `size` bytes of a file, in the order of its lines."""
    left = size
    broken = 0
    with path.open("rb") as file:
        while lines := file.readlines(min(left, LINES_A_PIECE * 32)) if left > 0 else []:
            pieces: list[bytes] = []
            for line in lines:
                if left >= len(line):
                    pieces.append(line)
                left -= len(line)
            points, lost = _points(key, pieces, complain)
            broken += lost
            yield points
    if broken:
        complain(f"metric {key!r}: {broken} lines of {path} are no points")


def _points(key: str, lines: list[bytes], complain: Callable[[str], None]) -> tuple[Points, int]:
    times: list[int] = []
    values: list[float] = []
    steps: list[int] = []
    broken = 0
    for line in lines:
        fields = line.split()
        try:
            time, value = int(fields[0]), float(fields[1])
            step = int(fields[2]) if len(fields) > 2 else 0  # noqa: PLR2004 - see above
        except (ValueError, IndexError):
            broken += bool(fields)
            continue
        times.append(time)
        values.append(value)
        steps.append(step)
    if not times:
        return Points(key, array("q"), array("q"), array("d")), broken
    return columns(key, times, steps, values, complain), broken


def read_model_metric(path: Path, model_id: str, key: str) -> Iterator[tuple[str, ModelPoint]]:
    """Yields points about a model, each with the id of the run that logged it."""
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split(" ")
        try:
            time, value, step = int(fields[0]), float(fields[1]), int(fields[2])
            run_id = fields[3]
        except (ValueError, IndexError):
            continue
        dataset = fields[_RUN_FIELDS:]
        yield (
            run_id,
            ModelPoint(
                model_id=model_id,
                key=key,
                value=value,
                step=step,
                time_ms=time,
                dataset_name=" ".join(dataset[:-1]),
                dataset_digest=dataset[-1] if dataset else "",
            ),
        )


def count_lines(path: Path) -> int:
    """Counts the lines of a file."""
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
