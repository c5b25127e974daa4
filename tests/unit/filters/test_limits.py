"""No text, however hostile, costs more than a bounded amount of work or stack."""

import contextlib

import pytest

from runstream_server.core.filters import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_ORDER_BY_CLAUSES,
    MAX_TEXT_CHARS,
    And,
    Comparison,
    Dialect,
    Expression,
    FilterError,
    Not,
    Target,
    parse_filter,
    parse_order_by,
)

CLAUSE = "metrics.a > 1"


def depth(tree: Expression) -> int:
    if isinstance(tree, Comparison):
        return 1
    operands = (tree.operand,) if isinstance(tree, Not) else tree.operands
    return 1 + max(map(depth, operands))


@pytest.mark.parametrize("dialect", Dialect)
def test_a_filter_has_a_greatest_length(dialect: Dialect) -> None:
    longest = CLAUSE.ljust(MAX_TEXT_CHARS)

    assert parse_filter(longest, Target.RUNS, dialect) is not None
    with pytest.raises(FilterError, match=r"10001 characters.*at most 10000 characters") as refused:
        parse_filter(longest + " ", Target.RUNS, dialect)
    assert refused.value.position == MAX_TEXT_CHARS


@pytest.mark.parametrize("dialect", Dialect)
def test_a_filter_has_a_greatest_number_of_comparisons(dialect: Dialect) -> None:
    most = " AND ".join([CLAUSE] * MAX_COMPARISONS)
    tree = parse_filter(most, Target.RUNS, dialect)

    assert isinstance(tree, And)
    assert len(tree.operands) == MAX_COMPARISONS
    with pytest.raises(FilterError, match=r"too many comparisons.*at most 200") as refused:
        parse_filter(f"{most} AND {CLAUSE}", Target.RUNS, dialect)
    assert refused.value.position == len(most) + len(" AND ")


@pytest.mark.parametrize(
    ("opening", "closing"), [("(", ")"), ("NOT ", ""), (f"{CLAUSE} OR {CLAUSE} AND (", ")")]
)
def test_a_filter_has_a_greatest_depth(opening: str, closing: str) -> None:
    deepest = opening * MAX_DEPTH + CLAUSE + closing * MAX_DEPTH
    tree = parse_filter(deepest, Target.RUNS, Dialect.FULL)

    assert tree is not None
    assert depth(tree) <= 2 * MAX_DEPTH + 3
    assert parse_filter(str(tree), Target.RUNS, Dialect.FULL) == tree
    with pytest.raises(FilterError, match=r"nested too deeply.*at most 50"):
        parse_filter(opening + deepest + closing, Target.RUNS, Dialect.FULL)


def test_depth_counts_nesting_not_how_often_parentheses_occur() -> None:
    wide = " AND ".join([f"(NOT ({CLAUSE}))"] * (MAX_DEPTH + 1))

    assert parse_filter(wide, Target.RUNS, Dialect.FULL) is not None


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "text",
    [
        "(" * MAX_TEXT_CHARS,
        "NOT " * (MAX_TEXT_CHARS // 4),
        "'" * (MAX_TEXT_CHARS - 1),
        "`" + "\\`" * 4_000,
        "params.a = '" + "\\'" * 4_000,
        "params.a = '" + "''" * 4_000,
        'params.a = "' + '\\"' * 4_000 + "x",
        "metrics.a = " + "9" * 9_000,
        "metrics." + "a." * 4_900,
        "start_time = " + "9" * 9_000 + " OR",
        "=" * MAX_TEXT_CHARS,
    ],
    ids=range(11),
)
def test_a_hostile_filter_is_answered_at_once(text: str, dialect: Dialect) -> None:
    with contextlib.suppress(FilterError):
        parse_filter(text, Target.RUNS, dialect)


def test_order_by_has_a_greatest_number_of_clauses() -> None:
    most = [f"metrics.a{index}" for index in range(MAX_ORDER_BY_CLAUSES)]

    assert len(parse_order_by(most, Target.RUNS, Dialect.FULL)) == MAX_ORDER_BY_CLAUSES
    with pytest.raises(FilterError, match=r"has 21 clauses.*at most 20"):
        parse_order_by([*most, "run_id"], Target.RUNS, Dialect.FULL)
