"""Between the extremes of series and the rows that hold them."""

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.extremes import EXTREMES, fold_extremes
from runstream_server.storage import block_rows
from runstream_server.storage.block_rows import ExtremesRow
from runstream_server.storage.series_rows import extremes_of_keys

__all__ = ["RunsExtremes", "store_extremes", "store_extremes_of_runs"]

RunsExtremes = tuple[NDArray[np.int64], NDArray[Any]]
"""The number of a run and the extremes of one series of it, entry by entry."""


async def store_extremes(connection: AsyncConnection, run_id: str, new: NDArray[Any]) -> None:
    """Folds the extremes of series into those that are stored.

    The caller has locked the run's head.
    """
    ids = [int(id_) for id_ in new["series"]]
    stored = await block_rows.extremes_of(connection, run_id, ids)
    tables = [np.frombuffer(b"".join(stored.values()), EXTREMES)] if stored else []
    folded = fold_extremes([*tables, new])
    changed = [row for row in folded if row.tobytes() != stored.get(int(row["series"]))]
    await block_rows.set_extremes(connection, run_id, [_as_row(row) for row in changed])


async def store_extremes_of_runs(
    connection: AsyncConnection, run_ids: Sequence[str], keys: Collection[str], new: RunsExtremes
) -> None:
    """Folds extremes of series with one of these keys into those that are stored.

    The caller has locked the heads of the runs.

    Args:
        connection: In a write transaction.
        run_ids: The runs.
        keys: The metric keys that matter.
        new: The numbers of runs in `run_ids`, and a series of theirs each.
    """
    rows = await extremes_of_keys(connection, run_ids, keys)
    if not rows:
        return
    numbers = {run_id: number for number, run_id in enumerate(run_ids)}
    names = [(numbers[run_id], id_) for run_id, id_, _ in rows]
    places = {name: place for place, name in enumerate(names)}
    runs, table = new
    given = [
        places.get(name, -1) for name in zip(runs.tolist(), table["series"].tolist(), strict=True)
    ]
    fresh = table[np.array(given, np.int64) >= 0]
    fresh["series"] = [place for place in given if place >= 0]
    known = [place for place, row in enumerate(rows) if row[2] is not None]
    stored = np.frombuffer(b"".join(row[2] for row in rows if row[2] is not None), EXTREMES).copy()
    stored["series"] = known
    folded = fold_extremes([stored, fresh])
    changed: list[tuple[str, ExtremesRow]] = []
    for entry in folded:
        run_id, id_, before = rows[int(entry["series"])]
        entry["series"] = id_
        if entry.tobytes() != before:
            changed.append((run_id, _as_row(entry)))
    await block_rows.set_extremes_of_runs(connection, changed)


def _as_row(entry: np.void) -> ExtremesRow:
    last = float(entry["last_value"])
    return ExtremesRow(
        series_id=int(entry["series"]),
        extremes=entry.tobytes(),
        last_value=_comparable(last),
        last_is_nan=math.isnan(last),
        min_value=_comparable(float(entry["min"])),
        max_value=_comparable(float(entry["max"])),
    )


def _comparable(value: float) -> float | None:
    return None if math.isnan(value) else value
