"""Which rows it is that the server refuses."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from runstream._ship.batches import layout_indices
from runstream._ship.cutting import cut, halves
from runstream._spool import RowChunk

__all__ = ["MAX_REASON_LENGTH", "Refusal", "RefusedLayouts", "narrowed"]

MAX_REASON_LENGTH: Final = 1_000
"""The longest reason of a skip."""

_LAYOUT_REASONS: Final = frozenset({"INVALID_KEY", "VALUE_TOO_LONG", "INVALID_DEFINITION"})
"""What is wrong with the names of a row's series, and so with every row of its layout."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server's word on rows that it will never take.

    Attributes:
        reason: The contract's name for what was wrong.
        message: The same for people.
        row: The row at fault, when the server knows it.
    """

    reason: str
    message: str
    row: int | None = None

    @property
    def text(self) -> str:
        """Both, as the reason of a skip."""
        return f"{self.reason}: {self.message}"[:MAX_REASON_LENGTH]


class RefusedLayouts:
    """Remembers the layouts whose every row is refused, so that not each has to be tried."""

    def __init__(self) -> None:
        self._refusals: dict[int, Refusal] = {}

    def learn(self, row: RowChunk, refusal: Refusal) -> None:
        """Takes note of what was said of a single row."""
        if refusal.reason in _LAYOUT_REASONS:
            self._refusals[layout_indices(row)[0]] = refusal

    def sort_out(self, chunk: RowChunk) -> Iterator[tuple[RowChunk, Refusal | None]]:
        """Cuts a chunk where rows of a refused layout begin or end; None goes with the others."""
        if self._refusals.keys().isdisjoint(chunk.layouts):
            yield chunk, None
            return
        first_row = chunk.first_row
        for refusal, rows in groupby(layout_indices(chunk), self._refusals.get):
            count = sum(1 for _ in rows)
            yield cut(chunk, first_row, count), refusal
            first_row += count


def narrowed(chunk: RowChunk, refusal: Refusal) -> list[RowChunk]:
    """Cuts a refused chunk into pieces to be tried one by one; none when it is a single row."""
    if chunk.row_count == 1:
        return []
    end = chunk.first_row + chunk.row_count
    row = refusal.row
    if row is None or not chunk.first_row <= row < end:
        return list(halves(chunk))
    limits = [chunk.first_row, row, row + 1, end]
    return [cut(chunk, start, stop - start) for start, stop in pairwise(limits) if start < stop]
