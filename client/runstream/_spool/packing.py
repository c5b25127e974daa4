"""Packs what the short way of `log()` does not: new layouts, nested mappings, many points."""

import struct
from collections.abc import Mapping
from itertools import islice
from typing import Any

from runstream._spool.faults import Faults
from runstream._spool.format import MAX_ROW_POINTS
from runstream._spool.layouts import LayoutTable, RowLayout
from runstream._spool.metrics import clean, flatten, key_fault

__all__ = ["pack_rows"]

Parts = list[tuple[RowLayout, bytes]]


def pack_rows(
    metrics: Mapping[object, object], rank: int | None, table: LayoutTable, faults: Faults
) -> Parts:
    """Returns layout and values of the rows that metrics make, each of at most `MAX_ROW_POINTS`.

    What cannot be stored is left out and reported.

    Raises:
        InvalidValue: for what cannot be stored, in strict mode.
    """
    items = flatten(metrics)
    flat = dict(items)
    # A key that comes twice must be reported, and is found by the slow look at each item.
    parts = _pack_known(flat, rank, table) if len(flat) == len(items) else None
    if parts is None:
        parts = _pack_known(clean(items, faults), rank, table)
    if parts is None:
        raise AssertionError("clean() let something through that cannot be packed")
    return parts


def _pack_known(flat: Mapping[Any, object], rank: int | None, table: LayoutTable) -> Parts | None:
    """Returns None when a key or a value is bad."""
    parts: Parts = []
    pairs = iter(flat.items())
    layouts = table.of_rank(rank)
    while chunk := list(islice(pairs, MAX_ROW_POINTS)):
        keys, values = zip(*chunk, strict=True)
        layout = layouts.get(keys)
        try:
            if layout is None:
                if any(map(key_fault, keys)):
                    return None
                packed = RowLayout(0, keys, rank).pack(*values)
                layout = table.add(rank, keys)
            else:
                packed = layout.pack(*values)
        except struct.error:
            return None
        parts.append((layout, packed))
    return parts
