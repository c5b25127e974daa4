"""Charts and summaries."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.envelopes import FIELDS
from runstream_server.core.reading.buckets import ENTRY, Axis, entries_of_points, fold_entries
from runstream_server.core.reading.chunk_refs import Range, Stretch
from runstream_server.core.reading.envelope_reader import EnvelopeReader
from runstream_server.core.reading.view import RunView

__all__ = ["Chart", "chart", "shift_for", "summaries"]

ONE_BUCKET: Final = 63
Entry: TypeAlias = Any
"""A row of `buckets.ENTRY`; numpy has no type for one."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A series in buckets.

    Attributes:
        bucket_width: In units of the axis; 0 when every point has a bucket of its own.
        entries: One per bucket (`buckets.ENTRY`), in order.
    """

    bucket_width: int
    entries: NDArray[Any]


async def chart(
    view: RunView, series_id: int, axis: Axis, within: Range, max_buckets: int
) -> Chart:
    """Returns a series in at most `max_buckets` buckets."""
    reader = EnvelopeReader(view, series_id, axis, within)
    if reader.at_least > max_buckets:
        shift = shift_for(*await reader.extent(), max_buckets)
        return Chart(1 << shift, await reader.entries(shift))
    points = await reader.points()
    if len(points) <= max_buckets:
        return Chart(0, entries_of_points(points, np.arange(len(points), dtype=np.int64)))
    x = points.step if axis is Axis.STEP else points.time
    shift = shift_for(int(x[0]), int(x[-1]), max_buckets)
    return Chart(1 << shift, entries_of_points(points, x >> np.int64(shift)))


def shift_for(low: int, high: int, max_buckets: int) -> int:
    """Returns the least n for which at most `max_buckets` buckets of width 2**n hold a range.

    The range is all x from `low` to `high`.

    63 when that takes a single bucket and x has both signs: no width joins these.
    """
    shift = 0
    while (high >> shift) - (low >> shift) >= max_buckets and shift < ONE_BUCKET:
        shift += 1
    return shift


async def summaries(view: RunView, series_ids: Sequence[int]) -> list[Entry | None]:
    """Returns the entry (`buckets.ENTRY`) of each whole series, None for one without points."""
    alike: dict[int, tuple[Stretch, list[int], list[NDArray[np.int32]]]] = {}
    for number, series_id in enumerate(series_ids):
        chunks, columns = view.places_of(series_id)
        stretch = chunks.stretch(Axis.STEP, Range())
        _, numbers, places = alike.setdefault(id(stretch), (stretch, [], []))
        numbers.append(number)
        places.append(columns)
    found: list[Entry | None] = [None] * len(series_ids)
    for stretch, numbers, places in alike.values():
        if _stands_for_its_points(stretch):
            table = await _folded(view, stretch, np.stack(places))
            for number, entry in zip(numbers, table, strict=True):
                found[number] = entry
        else:
            for number in numbers:
                found[number] = await _summary(view, series_ids[number])
        await asyncio.sleep(0)
    return found


def _stands_for_its_points(stretch: Stretch) -> bool:
    whole = stretch.countable & stretch.refs["has_envelope"]
    return bool(len(whole) and whole.all())


async def _folded(view: RunView, stretch: Stretch, places: NDArray[np.int32]) -> NDArray[Any]:
    """Folds the envelopes of series that lie in the same chunks.

    Args:
        view: The view.
        stretch: Their chunks.
        places: Series by places: the column that each has in a place.
    """
    refs = stretch.refs
    fields = np.empty((len(FIELDS), len(places), len(refs)))
    for place in range(places.shape[1]):
        mine = refs["column"] == place
        source, group = (int(refs[name][mine][0]) for name in ("source", "group"))
        envelopes = await view.group_envelopes(source, group, places[:, place].tolist())
        fields[:, :, mine] = envelopes[:, :, refs["row_chunk"][mine]]
    table = np.zeros(len(places), ENTRY)
    table["count"] = refs["rows"].sum()
    table["nan_count"] = fields[0].sum(axis=1)
    table["first"], table["last"] = fields[1, :, 0], fields[2, :, -1]
    table["min"] = np.fmin.reduce(fields[3], axis=1)
    table["max"] = np.fmax.reduce(fields[4], axis=1)
    with np.errstate(invalid="ignore", over="ignore"):
        table["sum"] = np.add.reduce(fields[5], axis=1)
    for name in ("first_step", "first_time"):
        table[name] = refs[name][0]
    for name in ("last_step", "last_time"):
        table[name] = refs[name][-1]
    table["min_time"], table["max_time"] = refs["min_time"].min(), refs["max_time"].max()
    return table


async def _summary(view: RunView, series_id: int) -> Entry | None:
    entries = await EnvelopeReader(view, series_id, Axis.STEP, Range()).entries(ONE_BUCKET)
    entries["bucket"] = 0  # negative and other steps are two buckets of any width
    folded = fold_entries(entries)
    await asyncio.sleep(0)  # hundreds of these in a row would keep everybody else waiting
    return folded[0] if len(folded) else None
