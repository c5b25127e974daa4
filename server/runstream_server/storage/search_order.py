"""Orders, and where a page begins in one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from runstream_server.storage.search_fields import FieldColumns

__all__ = ["OrderTerm", "follows", "order_terms"]


@dataclass(frozen=True, slots=True)
class OrderTerm:
    """An expression to order by, and the Python types of its values.

    One that is NULL stands behind a term that is equal among all rows for which it is.
    """

    expression: sa.ColumnElement[Any]
    descending: bool
    types: tuple[type, ...]

    @property
    def clause(self) -> sa.ColumnElement[Any]:
        """What goes into ORDER BY."""
        return self.expression.desc() if self.descending else self.expression.asc()


def order_terms(
    field: FieldColumns, types: tuple[type, ...], *, descending: bool
) -> list[OrderTerm]:
    """Orders by a field: what lacks it comes last either way, NaN just before."""
    term = OrderTerm(field.value, descending, types)
    if not field.optional:
        return [term]
    if field.is_nan is None:
        place = sa.case((field.value.is_(None), 2), else_=0)
    else:
        place = sa.case((field.is_nan.is_(None), 2), (field.is_nan, 1), else_=0)
    return [OrderTerm(place, descending=False, types=(int,)), term]


def follows(terms: Sequence[OrderTerm], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The row comes after the one whose terms have these values."""
    if not terms:
        return sa.false()
    term, value = terms[0], values[0]
    rest = follows(terms[1:], values[1:])
    if value is None:
        return rest
    expression = term.expression
    if term.descending:
        return sa.and_(expression <= value, sa.or_(expression < value, rest))
    return sa.and_(expression >= value, sa.or_(expression > value, rest))
