"""For every tree and every text: printing is the inverse of parsing, and only FilterError flies."""

import string
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from runstream_server.core.filters import (
    And,
    Attribute,
    Comparison,
    Dataset,
    Dialect,
    Expression,
    Field,
    FilterError,
    Metric,
    Not,
    Operator,
    Or,
    OrderBy,
    Param,
    Tag,
    Target,
    Value,
    ValueKind,
    parse_filter,
    parse_order_by,
)
from runstream_server.core.filters.grammar import DATASET_NAMES, grammar_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
KEYS = TEXTS.filter(bool) | st.text(string.ascii_letters + "._-/`'\"", min_size=1, max_size=8)
IDS = st.integers(-(10**18) + 1, 10**18 - 1).map(str)
NUMBERS = st.floats(allow_nan=False)
TIMES = st.integers(-(10**18) + 1, 10**18 - 1) | NUMBERS
PRESENCE = (Operator.IS_NULL, Operator.IS_NOT_NULL)


def fields(target: Target) -> st.SearchStrategy[Field]:
    attributes = [
        Attribute(name, kind) for name, kind in grammar_of(Dialect.FULL, target).attributes.items()
    ]
    common = KEYS.map(Tag) | st.sampled_from(attributes)
    if target is Target.EXPERIMENTS:
        return common
    datasets = st.sampled_from(DATASET_NAMES).map(Dataset)
    return common | KEYS.map(Metric) | KEYS.map(Param) | datasets


def values(field: Field, operator: Operator) -> st.SearchStrategy[Value]:
    if operator in PRESENCE:
        return st.none()
    single = {
        ValueKind.NUMBER: NUMBERS,
        ValueKind.TIME_MS: TIMES,
        ValueKind.TEXT: TEXTS,
        ValueKind.EXPERIMENT_ID: IDS,
    }[field.kind]
    if operator in {Operator.IN, Operator.NOT_IN}:
        texts = IDS if field.kind is ValueKind.EXPERIMENT_ID else TEXTS
        return st.lists(texts, min_size=1, max_size=4).map(tuple)
    return single


@st.composite
def comparisons(draw: st.DrawFn, target: Target) -> Comparison:
    field = draw(fields(target))
    operators = grammar_of(Dialect.FULL, target).operators_of(field)
    operator = draw(st.sampled_from(operators))
    return Comparison(field, operator, draw(values(field, operator)))


def trees(target: Target) -> st.SearchStrategy[Expression]:
    def grown(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        several = st.lists(children, min_size=2, max_size=4).map(tuple)
        return children.map(Not) | several.map(And) | several.map(Or)

    leaves: st.SearchStrategy[Expression] = comparisons(target)
    return st.recursive(leaves, grown, max_leaves=12)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees(Target.RUNS))
def test_a_printed_tree_of_runs_parses_to_the_same_tree(tree: Expression) -> None:
    assert parse_filter(str(tree), Target.RUNS, Dialect.FULL) == tree


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees(Target.EXPERIMENTS))
def test_a_printed_tree_of_experiments_parses_to_the_same_tree(tree: Expression) -> None:
    assert parse_filter(str(tree), Target.EXPERIMENTS, Dialect.FULL) == tree


@given(
    field=fields(Target.RUNS).filter(lambda field: not isinstance(field, Dataset)),
    descending=st.booleans(),
)
def test_a_printed_sort_key_parses_to_the_same_key(field: Field, *, descending: bool) -> None:
    key = OrderBy(field, descending)

    assert parse_order_by([str(key)], Target.RUNS, Dialect.FULL) == (key,)


FRAGMENTS = st.sampled_from(
    [
        "metrics.a", "params.`b c`", 'tags."d"', "run_id", "start_time", "experiment_id", "name",
        "datasets.name", "AND", "or", "NOT", "(", ")", ",", "IN", "LIKE", "IS", "NULL", "=", "!=",
        ">", "<=", "==", "~", "1", "-1.5e3", ".5", "inf", "nan", "'x'", "('x', 'y')", '"z"', "'",
        '"', "`", ".", ";", "\\", "+", "-", "\x00", "\ud800", "İ", "\u0131", "٣", "\U0001d7d9",
        "  ", "\n",
    ]
)  # fmt: skip
GARBAGE = (
    st.text(max_size=60)
    | st.text(st.characters(), max_size=60)
    | st.lists(FRAGMENTS, max_size=14).map(" ".join)
    | st.lists(FRAGMENTS, max_size=14).map("".join)
)


Parsed = TypeVar("Parsed")


def result_of(parse: Callable[[], Parsed]) -> Parsed | FilterError:
    try:
        return parse()
    except FilterError as error:
        return error


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("target", Target)
@given(text=GARBAGE)
@example(text="metrics.a > \u0131nf")
@example(text="metrics.a > ٣")
@example(text="metrics.a > -İNF")
@example(text="start_time > " + "9" * 5_000)
def test_any_text_parses_or_is_refused_at_a_place_in_it(
    target: Target, dialect: Dialect, text: str
) -> None:
    result = result_of(lambda: parse_filter(text, target, dialect))

    if isinstance(result, FilterError):
        assert result.text == text
        assert 0 <= result.position <= len(text)
    elif result is not None:
        assert parse_filter(str(result), target, Dialect.FULL) == result


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("target", Target)
@given(clauses=st.lists(GARBAGE, max_size=3))
def test_any_clauses_parse_or_are_refused_at_a_place_in_one_of_them(
    target: Target, dialect: Dialect, clauses: list[str]
) -> None:
    result = result_of(lambda: parse_order_by(clauses, target, dialect))

    if isinstance(result, FilterError):
        assert result.text in clauses
        assert 0 <= result.position <= len(result.text)
    else:
        assert len(result) <= len(clauses)
