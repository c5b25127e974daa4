"""First, last, min and max of series: what search compares.

They can be folded in any order and any number of times.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.logformat import Float64s
from runstream_server.core.points import value_order

__all__ = ["EXTREMES", "extremes_of_groups", "fold_extremes"]

EXTREMES: Final = np.dtype(
    [
        ("series", "<u4"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("first_value", "<f8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("last_value", "<f8"),
        ("min", "<f8"),
        ("max", "<f8"),
    ]
)
"""One entry per series.

First and last are the least and the greatest point; min and max are NaN when every value is.
"""

Extremes = NDArray[Any]


def extremes_of_groups(groups: Iterable[RowGroup]) -> Extremes:
    """Returns the extremes of all series of groups with ordered rows, by series id."""
    return fold_extremes([_of_group(group) for group in groups])


def _of_group(group: RowGroup) -> Extremes:
    table = np.zeros(len(group.series), EXTREMES)
    table["series"] = group.series
    step, time = group.step, group.time
    # Rows are in order, so those that tie with the first or the last one are its neighbours.
    first_tied = int(np.count_nonzero((step == step[0]) & (time == time[0])))
    last_tied = len(step) - int(np.count_nonzero((step == step[-1]) & (time == time[-1])))
    for name, row in (("first", 0), ("last", -1)):
        table[f"{name}_step"], table[f"{name}_time"] = step[row], time[row]
    table["first_value"] = _extreme_value(group.value[:first_tied], np.argmin)
    table["last_value"] = _extreme_value(group.value[last_tied:], np.argmax)
    table["min"], table["max"] = np.fmin.reduce(group.value), np.fmax.reduce(group.value)
    return table


def _extreme_value(rows: Float64s, choose: Callable[..., NDArray[np.intp]]) -> Float64s:
    if len(rows) == 1:
        only: Float64s = rows[0]
        return only
    keys = value_order(np.ascontiguousarray(rows))
    chosen: Float64s = rows[choose(keys, axis=0), np.arange(rows.shape[1])]
    return chosen


def fold_extremes(tables: list[Extremes]) -> Extremes:
    """Returns one entry per series for entries of which several may be about the same series."""
    if not tables:
        return np.zeros(0, EXTREMES)
    table = np.concatenate(tables)
    if not len(table):
        return table
    table = table[np.argsort(table["series"], kind="stable")]
    starts = np.nonzero(np.append(True, table["series"][1:] != table["series"][:-1]))[0]
    if len(starts) == len(table):
        return table
    result = table[starts].copy()
    result["min"] = np.fmin.reduceat(table["min"], starts)
    result["max"] = np.fmax.reduceat(table["max"], starts)
    for name, place in (("first", starts), ("last", np.append(starts[1:], len(table)) - 1)):
        fields = [f"{name}_step", f"{name}_time", f"{name}_value"]
        order = np.lexsort(
            (
                value_order(table[fields[2]].copy()),
                table[fields[1]],
                table[fields[0]],
                table["series"],
            )
        )
        for column in fields:
            result[column] = table[column][order][place]
    return result
