"""Looks at what `log()` was given when it does not fit a known layout as it stands."""

import operator
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Final, SupportsIndex, cast

from runstream._spool.faults import Faults

__all__ = [
    "BadField",
    "checked_rank",
    "checked_step",
    "checked_time",
    "clean",
    "flatten",
    "key_fault",
]

MAX_KEY_LENGTH: Final = 250
MAX_INT64: Final = 2**63 - 1
MIN_INT64: Final = -(2**63)
MAX_RANK: Final = 2**31 - 1

_BAD_IN_KEY: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DOUBLE: Final = struct.Struct("d")


class BadField(ValueError):
    """Means that a row's step, time or rank cannot be stored."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"the {name} {problem}: the row is dropped")
        self.name = name


def flatten(metrics: Mapping[object, object]) -> list[tuple[object, object]]:
    """Returns keys and values; a mapping among the values adds its keys behind a `/`."""
    return list(_flat_items(metrics, ""))


def _flat_items(metrics: Mapping[object, object], prefix: str) -> Iterator[tuple[object, object]]:
    for key, value in metrics.items():
        # A key of another type stays as it is, to be reported.
        path = prefix + key if prefix and isinstance(key, str) else key
        if isinstance(value, Mapping):
            yield from _flat_items(cast("Mapping[object, object]", value), f"{path}/")
        else:
            yield path, value


def key_fault(key: object) -> str | None:
    """Says what is wrong with a key, None if nothing is."""
    if not isinstance(key, str):
        return f"it is of type {type(key).__name__}, not str"
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        return f"it has {len(key)} characters, not 1 to {MAX_KEY_LENGTH}"
    if bad := _BAD_IN_KEY.search(key):
        return f"it holds the character {bad[0]!r}"
    return None


def clean(items: list[tuple[object, object]], faults: Faults) -> dict[str, float]:
    """Keeps the points that can be stored and reports the others.

    Raises:
        InvalidValue: for the first of the others, in strict mode.
    """
    good: dict[str, float] = {}
    for key, value in items:
        fault = key_fault(key)
        if fault is not None or not isinstance(key, str):
            faults.reject("key", f"the metric key {key!r:.300} cannot be used: {fault}")
            continue
        try:
            number = _DOUBLE.unpack(_DOUBLE.pack(value))[0]
        except struct.error:
            faults.reject(
                "value",
                f"the value {value!r:.100} of the metric {key!r} is not one number of a float's "
                "range: log a number, or a tensor of one element",
            )
            continue
        if key in good:
            faults.reject("duplicate", f"the metric {key!r} comes twice in one row: rename one")
        good[key] = number
    return good


def checked_step(step: object) -> int:
    """Returns a step as an integer.

    Raises:
        BadField: if it is not one of 64 bits.
    """
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    return _integer("step", step, MIN_INT64, MAX_INT64)


def checked_time(time_us: object) -> int:
    """Returns a time in microseconds since the epoch as an integer.

    Raises:
        BadField: if it cannot be one.
    """
    return _integer("time", time_us, 0, MAX_INT64)


def checked_rank(rank: object) -> int:
    """Returns a rank as an integer.

    Raises:
        BadField: if it cannot be one.
    """
    return _integer("rank", rank, 0, MAX_RANK)


def _integer(name: str, number: object, least: int, greatest: int) -> int:
    whole = operator.index(number) if isinstance(number, SupportsIndex) else None
    if whole is None or not least <= whole <= greatest:
        raise BadField(name, f"{number!r:.100} is not an integer from {least} to {greatest}")
    return whole
