"""Tables for people, JSON for programs."""

import dataclasses
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

__all__ = ["age_text", "as_json", "print_json", "print_pairs", "print_table", "time_text"]


def as_json(value: object) -> object:
    """Returns a value as what JSON can express: NaN and infinities as texts, times as ISO 8601."""
    match value:
        case float() if not math.isfinite(value):
            text = {math.inf: "Infinity", -math.inf: "-Infinity"}
            return text.get(value, "NaN")
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {str(key): as_json(item) for key, item in items}
        case Sequence() | memoryview():
            return [as_json(item) for item in cast("Sequence[object]", value)]
        case _:
            return _object_as_json(value)


def _object_as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: as_json(getattr(value, name)) for name in names}
    to_list = getattr(value, "tolist", None)  # a numpy array or scalar
    return str(value) if to_list is None else as_json(to_list())


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Prints a value as JSON."""
    print(json.dumps(as_json(value), indent=indent, ensure_ascii=False))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table: with lines where rich is installed and somebody looks, else in columns."""
    cells = [[_one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and _print_rich(headers, cells):
        return
    table = [list(headers), *cells]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())


def print_pairs(pairs: Iterable[tuple[str, str]]) -> None:
    """Prints names and values."""
    shown = [(name, _one_line(value)) for name, value in pairs]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name.ljust(width)}  {value}".rstrip())


def time_text(time: datetime | None) -> str:
    """Returns a time in the local zone, to the second."""
    return "" if time is None else time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def age_text(start: datetime | None, end: datetime | None) -> str:
    """Returns how long something took, or takes as yet."""
    if start is None:
        return ""
    seconds = max((end or datetime.now(UTC)) - start, timedelta()) // timedelta(seconds=1)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def _one_line(text: str) -> str:
    # What was logged must not steer the terminal.
    return "".join(character if character.isprintable() else " " for character in text)


def _print_rich(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(*headers)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
    return True
