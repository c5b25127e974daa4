"""From the trees of core.filters to conditions and orders over columns."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, Protocol, cast

import sqlalchemy as sa

from runstream_server.core.filters import (
    And,
    Comparison,
    Expression,
    Field,
    Not,
    Operator,
    Or,
    OrderBy,
    ValueKind,
    microsecond_range,
)
from runstream_server.storage import search_conditions as conditions
from runstream_server.storage.search_fields import FieldColumns
from runstream_server.storage.search_holders import Holders
from runstream_server.storage.search_order import OrderTerm, order_terms

__all__ = ["SearchFields", "compile_filter", "compile_order", "required_holders"]


class SearchFields(Protocol):
    """What can be searched for, by the fields of filters."""

    def columns(self, field: Field) -> FieldColumns | None:
        """Returns the columns of a field; None when nothing here has such a field."""
        ...

    def holders(self, field: Field, values: Collection[str]) -> Holders | None:
        """Returns those whose field has one of the values; None when no index knows them."""
        ...


_TYPES: Final[dict[ValueKind, tuple[type, ...]]] = {
    ValueKind.NUMBER: (float, int),
    ValueKind.TEXT: (str,),
    ValueKind.TIME_MS: (int,),
    ValueKind.EXPERIMENT_ID: (int,),
}


def compile_filter(expression: Expression, fields: SearchFields) -> sa.ColumnElement[bool]:
    """Returns a condition that is true or false, never NULL, just as the expression is."""
    match expression:
        case And(operands):
            return sa.and_(*(compile_filter(operand, fields) for operand in operands))
        case Or(operands):
            return sa.or_(*(compile_filter(operand, fields) for operand in operands))
        case Not(operand):
            return sa.not_(compile_filter(operand, fields))
        case Comparison():
            return _compile_comparison(expression, fields)


def required_holders(expression: Expression | None, fields: SearchFields) -> Iterator[Holders]:
    """Yields those among whom everything is that matches the expression."""
    if isinstance(expression, And):
        for operand in expression.operands:
            yield from required_holders(operand, fields)
    elif isinstance(expression, Comparison):
        holders = _holders(expression, fields)
        if holders is not None:
            yield holders


def compile_order(keys: Sequence[OrderBy], fields: SearchFields) -> list[OrderTerm]:
    """Returns the terms to order by."""
    terms: list[OrderTerm] = []
    for key in keys:
        columns = fields.columns(key.field)
        if columns is not None:
            types = _TYPES[key.field.kind]
            terms.extend(order_terms(columns, types, descending=key.descending))
    return terms


def _holders(comparison: Comparison, fields: SearchFields) -> Holders | None:
    value = comparison.value
    match comparison.operator:
        case Operator.EQ if isinstance(value, str):
            return fields.holders(comparison.field, {value})
        case Operator.IN if isinstance(value, tuple):
            return fields.holders(comparison.field, set(value))
        case _:
            return None


def _compile_comparison(comparison: Comparison, fields: SearchFields) -> sa.ColumnElement[bool]:
    holders = _holders(comparison, fields)
    if holders is not None:
        return holders.condition
    columns = fields.columns(comparison.field)
    operator = comparison.operator
    if columns is None:
        return sa.true() if operator is Operator.IS_NULL else sa.false()
    if columns.among is not None:
        return _compile_any(columns.among, columns, comparison)
    if operator is Operator.IS_NULL:
        return conditions.is_absent(columns)
    if operator is Operator.IS_NOT_NULL:
        return sa.not_(conditions.is_absent(columns))
    return _compile_value(columns, comparison)


def _compile_any(
    among: sa.Select[Any], columns: FieldColumns, comparison: Comparison
) -> sa.ColumnElement[bool]:
    there = sa.not_(conditions.is_absent(columns))
    match comparison.operator:
        case Operator.IS_NULL:
            return sa.not_(among.where(there).exists())
        case Operator.IS_NOT_NULL:
            return among.where(there).exists()
        case _:
            return among.where(_compile_value(columns, comparison)).exists()


def _compile_value(columns: FieldColumns, comparison: Comparison) -> sa.ColumnElement[bool]:
    operator = comparison.operator
    match comparison.field.kind:
        case ValueKind.NUMBER:
            return _compile_number(columns, operator, cast("float", comparison.value))
        case ValueKind.TIME_MS:
            within = microsecond_range(operator, cast("float", comparison.value))
            return conditions.is_within(columns, within.start, within.stop, inside=within.inside)
        case ValueKind.EXPERIMENT_ID:
            value = cast("str | tuple[str, ...]", comparison.value)
            given = value if isinstance(value, tuple) else (value,)
            negated = operator in {Operator.NE, Operator.NOT_IN}
            return conditions.is_among(columns, {int(one) for one in given}, negated=negated)
        case ValueKind.TEXT:
            return _compile_text(columns, comparison)


def _compile_number(
    columns: FieldColumns, operator: Operator, value: float
) -> sa.ColumnElement[bool]:
    if operator is Operator.EQ:
        return conditions.equals(columns, value)
    if operator is Operator.NE:
        return conditions.differs(columns, value)
    return conditions.compares(columns, operator.value, value)


def _compile_text(columns: FieldColumns, comparison: Comparison) -> sa.ColumnElement[bool]:
    operator = comparison.operator
    if operator in {Operator.IN, Operator.NOT_IN}:
        values = cast("tuple[str, ...]", comparison.value)
        return conditions.is_among(columns, set(values), negated=operator is Operator.NOT_IN)
    value = cast("str", comparison.value)
    if operator is Operator.EQ:
        return conditions.equals(columns, value)
    if operator is Operator.NE:
        return conditions.differs(columns, value)
    return conditions.is_like(
        columns,
        value,
        negated=operator in {Operator.NOT_LIKE, Operator.NOT_ILIKE},
        ignores_case=operator in {Operator.ILIKE, Operator.NOT_ILIKE},
    )
