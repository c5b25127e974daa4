"""Filters and orders as clients write them, and what they name."""

from collections.abc import Iterator, Sequence

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.filters import (
    Comparison,
    Dialect,
    Expression,
    FilterError,
    Metric,
    Not,
    OrderBy,
    Target,
    complete_order,
    parse_filter,
    parse_order_by,
)

__all__ = ["metric_keys", "read_filter", "read_order"]


def read_filter(text: str, target: Target, dialect: Dialect) -> Expression | None:
    """Returns what a filter means; None matches everything.

    Raises:
        Failure: INVALID_FILTER.
    """
    try:
        return parse_filter(text, target, dialect)
    except FilterError as error:
        raise Failure(
            Reason.INVALID_FILTER,
            error.message,
            field="filter",
            value=text,
            position=error.position,
        ) from error


def read_order(clauses: Sequence[str], target: Target, dialect: Dialect) -> tuple[OrderBy, ...]:
    """Returns a total order: what is asked for, and what comes after that.

    Raises:
        Failure: INVALID_ORDER_BY.
    """
    try:
        keys = parse_order_by(clauses, target, dialect)
    except FilterError as error:
        raise Failure(
            Reason.INVALID_ORDER_BY, error.message, field="order_by", value=error.text
        ) from error
    return complete_order(keys, target, dialect)


def metric_keys(expression: Expression | None, order: Sequence[OrderBy]) -> set[str]:
    """Returns the metric keys that a search names."""
    fields = [key.field for key in order]
    fields += [comparison.field for comparison in _comparisons(expression)]
    return {field.key for field in fields if isinstance(field, Metric)}


def _comparisons(expression: Expression | None) -> Iterator[Comparison]:
    if isinstance(expression, Comparison):
        yield expression
    elif isinstance(expression, Not):
        yield from _comparisons(expression.operand)
    elif expression is not None:
        for operand in expression.operands:
            yield from _comparisons(operand)
