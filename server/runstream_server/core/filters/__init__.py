"""The language of filters and of order_by: text in, small immutable trees out.

`nodes` says what the trees mean, `grammar` which dialect has what. Nothing here knows SQL.
"""

from runstream_server.core.filters.errors import FilterError
from runstream_server.core.filters.grammar import Dialect, Target
from runstream_server.core.filters.lexer import MAX_TEXT_CHARS
from runstream_server.core.filters.nodes import (
    And,
    Attribute,
    Comparison,
    Dataset,
    Expression,
    Field,
    Metric,
    Not,
    Operator,
    Or,
    OrderBy,
    Param,
    Tag,
    Value,
    ValueKind,
)
from runstream_server.core.filters.order import (
    MAX_ORDER_BY_CLAUSES,
    complete_order,
    parse_order_by,
)
from runstream_server.core.filters.parser import MAX_COMPARISONS, MAX_DEPTH, parse_filter
from runstream_server.core.filters.times import MicrosecondRange, microsecond_range

__all__ = [
    "MAX_COMPARISONS",
    "MAX_DEPTH",
    "MAX_ORDER_BY_CLAUSES",
    "MAX_TEXT_CHARS",
    "And",
    "Attribute",
    "Comparison",
    "Dataset",
    "Dialect",
    "Expression",
    "Field",
    "FilterError",
    "Metric",
    "MicrosecondRange",
    "Not",
    "Operator",
    "Or",
    "OrderBy",
    "Param",
    "Tag",
    "Target",
    "Value",
    "ValueKind",
    "complete_order",
    "microsecond_range",
    "parse_filter",
    "parse_order_by",
]
