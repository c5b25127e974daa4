"""The shape of the trees: precedence, kinds of values, positions, equality, canonical text."""

import math
import re

import pytest

from runstream_server.core.filters import (
    And,
    Attribute,
    Comparison,
    Dataset,
    Dialect,
    Expression,
    Metric,
    Not,
    Operator,
    Or,
    Param,
    Tag,
    Target,
    ValueKind,
    parse_filter,
)

A = Comparison(Metric("a"), Operator.GT, 1.0)
B = Comparison(Param("b"), Operator.EQ, "x")
C = Comparison(Tag("c"), Operator.IS_NULL)


CLAUSES = {"A": "metrics.a > 1", "B": "params.b = 'x'", "C": "tags.c IS NULL"}


def parse(text: str) -> Expression | None:
    return parse_filter(text, Target.RUNS, Dialect.FULL)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("A or B and C", Or((A, And((B, C))))),
        ("A and B or C", Or((And((A, B)), C))),
        ("(A or B) and C", And((Or((A, B)), C))),
        ("not A and B", And((Not(A), B))),
        ("not (A and B)", Not(And((A, B)))),
        ("not A or B", Or((Not(A), B))),
        ("not not A", Not(Not(A))),
        ("A and B and C", And((A, B, C))),
        ("A and (B and C)", And((A, And((B, C))))),
        ("A or B or C", Or((A, B, C))),
        ("((A))", A),
    ],
)
def test_not_binds_tighter_than_and_and_and_tighter_than_or(text: str, tree: Expression) -> None:
    filter = re.sub("[ABC]", lambda letter: CLAUSES[letter.group()], text)

    assert parse(filter) == tree
    assert parse(str(tree)) == tree


def test_parentheses_are_printed_only_where_they_matter() -> None:
    tree = Or((And((A, Not(Or((B, C))))), And((And((A, B)), C))))

    assert str(tree) == (
        "metrics.a > 1.0 AND NOT (params.b = 'x' OR tags.c IS NULL)"
        " OR (metrics.a > 1.0 AND params.b = 'x') AND tags.c IS NULL"
    )


def test_every_node_knows_where_it_begins() -> None:
    tree = parse(" run_id = 'a'  AND NOT( tags.c IS NULL )")

    assert isinstance(tree, And)
    comparison, negation = tree.operands
    assert isinstance(comparison, Comparison)
    assert isinstance(negation, Not)
    assert isinstance(negation.operand, Comparison)
    positions = [tree.position, comparison.position, comparison.field.position]
    assert positions == [1, 1, 1]
    assert negation.position == 19
    assert (negation.operand.position, negation.operand.field.position) == (24, 24)


def test_equality_and_hash_ignore_positions() -> None:
    assert Metric("a", position=3) == Metric("a")
    assert len({Param("a", position=1), Param("a", position=2), Tag("a")}) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("metrics.a = 1", 1.0),
        ("metrics.a = 1e999", math.inf),
        ("start_time = 1", 1),
        ("start_time = 1.0", 1.0),
        ("start_time = -999999999999999999", -999999999999999999),
        ("start_time = 9223372036854775807", 9223372036854775807.0),
        ("params.a = '1'", "1"),
        ("run_id IN ('a', 'a')", ("a", "a")),
        ("params.a IS NULL", None),
    ],
)
def test_a_value_has_the_type_of_its_field(text: str, value: object) -> None:
    tree = parse(text)

    assert isinstance(tree, Comparison)
    assert tree.value == value
    assert type(tree.value) is type(value)


@pytest.mark.parametrize(
    ("text", "field", "kind"),
    [
        ("metrics.a = 1", Metric("a"), ValueKind.NUMBER),
        ("params.a = '1'", Param("a"), ValueKind.TEXT),
        ("tags.a = '1'", Tag("a"), ValueKind.TEXT),
        ("datasets.name = '1'", Dataset("name"), ValueKind.TEXT),
        ("status = '1'", Attribute("status"), ValueKind.TEXT),
        ("end_time = 1", Attribute("end_time", ValueKind.TIME_MS), ValueKind.TIME_MS),
        (
            "experiment_id = '1'",
            Attribute("experiment_id", ValueKind.EXPERIMENT_ID),
            ValueKind.EXPERIMENT_ID,
        ),
    ],
)
def test_a_field_says_what_kind_of_value_it_holds(
    text: str, field: object, kind: ValueKind
) -> None:
    tree = parse(text)

    assert isinstance(tree, Comparison)
    assert tree.field == field
    assert tree.field.kind is kind
