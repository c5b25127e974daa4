"""Comparisons of a field with literals, as SQL that is true or false and never NULL."""

import operator as op
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa

from runstream_server.storage.search_fields import FieldColumns
from runstream_server.storage.sqlite_functions import CASEFOLD

__all__ = ["compares", "differs", "equals", "is_absent", "is_among", "is_like", "is_within"]

Condition = sa.ColumnElement[bool]

_ORDERINGS: Final[Mapping[str, Callable[[Any, Any], Condition]]] = {
    "<": op.lt,
    "<=": op.le,
    ">": op.gt,
    ">=": op.ge,
}


def is_absent(field: FieldColumns) -> Condition:
    """The field is absent; NaN is not absent."""
    if not field.optional:
        return sa.false()
    return (field.value if field.is_nan is None else field.is_nan).is_(None)


def equals(field: FieldColumns, value: float | str) -> Condition:
    """The field is there and has the value."""
    return _if_there(field, field.value == value)


def differs(field: FieldColumns, value: float | str) -> Condition:
    """The field is there and has another value, as NaN is."""
    differs_ = _if_there(field, field.value != value)
    if field.is_nan is None:
        return differs_
    return sa.or_(sa.func.coalesce(field.is_nan, sa.false()), differs_)


def compares(field: FieldColumns, operator: str, value: float) -> Condition:
    """The field is there, is not NaN and is `<`, `<=`, `>` or `>=` the value."""
    return _if_there(field, _ORDERINGS[operator](field.value, value))


def is_among(field: FieldColumns, values: Collection[int | str], *, negated: bool) -> Condition:
    """The field is there and has one of the values or, negated, another one."""
    among = field.value.not_in(values) if negated else field.value.in_(values)
    return _if_there(field, among)


def is_like(
    field: FieldColumns, pattern: str, *, negated: bool, ignores_case: bool = False
) -> Condition:
    """The field is there and matches the pattern or, negated, does not.

    `%` stands for any characters and `_` for any one; there is no escape character.
    """
    value, like = field.value, sa.literal(pattern)
    if ignores_case:
        value, like = getattr(sa.func, CASEFOLD)(value), getattr(sa.func, CASEFOLD)(like)
    # PostgreSQL takes the backslash for an escape character unless another one is named.
    escape = next(c for c in map(chr, range(1, 0x110000)) if c not in pattern)
    matches = value.like(like, escape=escape if "\\" in pattern else None)
    return _if_there(field, ~matches if negated else matches)


def is_within(
    field: FieldColumns, start: int | None, stop: int | None, *, inside: bool
) -> Condition:
    """The field is there and lies inside the bounds or, not inside, elsewhere.

    That is from `start` up to, not including, `stop`; None means no bound on that side.
    """
    bounds: list[Condition] = []
    if start is not None:
        bounds.append(field.value >= start)
    if stop is not None:
        bounds.append(field.value < stop)
    within = sa.and_(sa.true(), *bounds)
    return _if_there(field, within if inside else ~within)


def _if_there(field: FieldColumns, condition: Condition) -> Condition:
    return sa.and_(field.value.is_not(None), condition) if field.optional else condition
