"""Envelopes: what a chart or a summary needs to know of a chunk of values."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.logformat import Float64s, Int64s

__all__ = ["FIELDS", "envelopes"]

FIELDS: Final = ("nan_count", "first", "last", "min", "max", "sum")
"""The fields of an envelope.

Min, max and sum leave NaN out; min and max are NaN when there is nothing else.
"""


def envelopes(values: NDArray[np.float64], cuts: Int64s) -> NDArray[np.float64]:
    """Returns the envelopes of chunks of columns.

    Args:
        values: Columns by rows.
        cuts: The first row of each chunk, ascending from 0.

    Returns:
        Fields by columns by chunks. They hold for chunks whose rows differ in (step, time); the
        count is the number of rows.
    """
    result = np.empty((len(FIELDS), values.shape[0], len(cuts)))
    nan = np.isnan(values)
    ends = np.append(cuts[1:], values.shape[1]) - 1
    result[0] = np.add.reduceat(nan, cuts, axis=1, dtype=np.float64)
    result[1], result[2] = values[:, cuts], values[:, ends]
    result[3], result[4] = (
        np.fmin.reduceat(values, cuts, axis=1),
        np.fmax.reduceat(values, cuts, axis=1),
    )
    with np.errstate(invalid="ignore", over="ignore"):
        result[5] = np.add.reduceat(np.where(nan, 0.0, values), cuts, axis=1)
    return result


def unpack_envelopes(flat: Float64s, columns: int, chunks: int) -> NDArray[Any]:
    """Returns envelopes as fields by columns by chunks."""
    return flat.reshape(len(FIELDS), columns, chunks)
