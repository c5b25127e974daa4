"""Between the extremes of series and the rows that hold them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.extremes import EXTREMES, fold_extremes
from runstream_server.storage import block_rows
from runstream_server.storage.block_rows import ExtremesRow

__all__ = ["store_extremes"]


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
