"""order_by: what is taken, what is refused, and what follows the last key."""

import pytest

from runstream_server.core.filters import (
    Attribute,
    Dialect,
    FilterError,
    Metric,
    OrderBy,
    Target,
    ValueKind,
    complete_order,
    parse_order_by,
)

# clause, canonical text
RUNS_IN_BOTH = [
    ("metrics.a", "metrics.a ASC"),
    ("metrics.a asc", "metrics.a ASC"),
    ("metrics.a  Desc", "metrics.a DESC"),
    ("metrics.a\nDESC", "metrics.a DESC"),
    ("metrics.`a b` DESC", "metrics.`a b` DESC"),
    ("metrics.`a DESC`", "metrics.`a DESC` ASC"),
    ("metrics.desc DESC", "metrics.desc DESC"),
    ('params."x y" asc', "params.`x y` ASC"),
    ("tags.mlflow.user DESC", "tags.mlflow.user DESC"),
    ("start_time", "start_time ASC"),
    ("created", "start_time ASC"),
    ("attributes.Created DESC", "start_time DESC"),
    ('"start_time" DESC', "start_time DESC"),
    ("attr.status", "status ASC"),
    ("run.run_id", "run_id ASC"),
    ("run_name DESC", "run_name DESC"),
]
RUNS_IN_FULL = [
    (" metrics.a ", "metrics.a ASC"),
    ("`run name` DESC", "run_name DESC"),
    ("metrics.train/loss DESC", "metrics.`train/loss` DESC"),
    ("experiment_id", "experiment_id ASC"),
    ("create_time", "create_time ASC"),
    ("parent_run_id", "parent_run_id ASC"),
]

# clause, a piece of the message, character at fault (counted from 1)
RUNS_REFUSED_BY_BOTH = [
    ("", "Invalid order_by clause ''", 1),
    (" ", "Invalid order_by clause ' '", 2),
    ("DESC", "Invalid attribute key 'DESC'", 1),
    ("acc", "Invalid attribute key 'acc'", 1),
    ("m.acc", "Invalid entity type 'm'", 1),
    ("`metrics.a`", "Invalid attribute key", 1),
    ("`metrics.a", "Invalid order_by clause", 1),
    ("'metrics'.a", "Expected 'Identifier' found", 1),
    ("metrics.a DESCENDING", "Invalid ordering key 'DESCENDING' in order_by clause", 11),
    ("metrics.a b DESC", "Invalid ordering key 'b'", 11),
    ("metrics.a ASC DESC", "Invalid order_by clause 'metrics.a ASC DESC'", 15),
    ("metrics.a DESC NULLS FIRST", "Invalid order_by clause", 16),
    ("metrics.a, metrics.b", "Invalid order_by clause", 10),
    ("metrics.a;", "Invalid order_by clause", 10),
    ("metrics.a != 1", "Invalid order_by clause", 11),
    ("metrics.", "Invalid order_by clause", 9),
    ("(start_time)", "Expected 'Identifier' found", 1),
    ("datasets.name", "Invalid identifier type 'dataset'", 1),
    ("lifecycle_stage", "Invalid attribute key 'lifecycle_stage'", 1),
    ("1", "Expected 'Identifier' found '1'", 1),
]
RUNS_REFUSED_BY_MLFLOW = [
    ("metrics.a ", "Invalid order_by clause 'metrics.a '", 1),
    (" metrics.a", "Invalid order_by clause ' metrics.a'", 2),
    ("`run name`", "Invalid attribute key 'run name'", 1),
    ("metrics.a/b", "'a/b' is not a key without quotes", 1),
    ("metrics.in", "'in' is not a key without quotes", 1),
    ("experiment_id", "Invalid attribute key 'experiment_id'", 1),
]


def parse_one(clause: str, target: Target, dialect: Dialect) -> str:
    (key,) = parse_order_by([clause], target, dialect)
    return str(key)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("clause", "canonical"), RUNS_IN_BOTH)
def test_both_dialects_sort_runs_by(clause: str, canonical: str, dialect: Dialect) -> None:
    assert parse_one(clause, Target.RUNS, dialect) == canonical


@pytest.mark.parametrize(("clause", "canonical"), RUNS_IN_FULL)
def test_the_full_dialect_also_sorts_runs_by(clause: str, canonical: str) -> None:
    assert parse_one(clause, Target.RUNS, Dialect.FULL) == canonical


@pytest.mark.parametrize(
    ("clause", "words", "character", "dialect"),
    [
        *((*case, dialect) for case in RUNS_REFUSED_BY_BOTH for dialect in Dialect),
        *((*case, Dialect.MLFLOW) for case in RUNS_REFUSED_BY_MLFLOW),
    ],
)
def test_a_clause_that_is_no_sort_key_of_runs_is_refused(
    clause: str, words: str, character: int, dialect: Dialect
) -> None:
    with pytest.raises(FilterError) as refused:
        parse_order_by(["run_id", clause], Target.RUNS, dialect)

    assert words in refused.value.message
    assert (refused.value.text, refused.value.position) == (clause, character - 1)


@pytest.mark.parametrize("dialect", Dialect)
def test_experiments_are_sorted_by_their_attributes_only(dialect: Dialect) -> None:
    clauses = ["name DESC", "attribute.creation_time", "last_update_time asc", "experiment_id"]
    keys = parse_order_by(clauses, Target.EXPERIMENTS, dialect)

    assert [str(key) for key in keys] == [
        "name DESC",
        "creation_time ASC",
        "last_update_time ASC",
        "experiment_id ASC",
    ]
    for clause in ("tags.a", "metrics.a", "start_time", "name DSC", "lifecycle_stage"):
        with pytest.raises(FilterError):
            parse_order_by([clause], Target.EXPERIMENTS, dialect)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(
    "clauses",
    [["metrics.a", "metrics.a DESC"], ["start_time", "attr.created"], ["param.p", "params.`p`"]],
)
def test_a_field_of_runs_named_twice_is_refused(clauses: list[str], dialect: Dialect) -> None:
    with pytest.raises(FilterError, match="`order_by` contains duplicate fields") as refused:
        parse_order_by(clauses, Target.RUNS, dialect)

    assert refused.value.text == clauses[1]


def test_only_mlflow_s_dialect_ignores_a_field_of_experiments_named_twice() -> None:
    keys = parse_order_by(["name", "name DESC"], Target.EXPERIMENTS, Dialect.MLFLOW)

    assert keys == (OrderBy(Attribute("name")),)
    with pytest.raises(FilterError, match="duplicate"):
        parse_order_by(["name", "name DESC"], Target.EXPERIMENTS, Dialect.FULL)


def test_the_same_key_of_a_metric_and_a_param_is_no_repetition() -> None:
    keys = parse_order_by(["metrics.a", "params.a", "tags.a"], Target.RUNS, Dialect.MLFLOW)

    assert len(keys) == 3


def test_a_sort_key_carries_field_direction_and_position() -> None:
    (key,) = parse_order_by(["  metrics.a DESC"], Target.RUNS, Dialect.FULL)

    assert key == OrderBy(Metric("a"), descending=True)
    assert (key.position, key.field.position) == (2, 2)
    assert Attribute("start_time", ValueKind.TIME_MS) != Attribute("start_time")


@pytest.mark.parametrize(
    ("clauses", "complete"),
    [
        ([], "start_time DESC, run_id ASC"),
        (["metrics.a"], "metrics.a ASC, start_time DESC, run_id ASC"),
        (["created"], "start_time ASC, run_id ASC"),
        (["run_id DESC"], "run_id DESC, start_time DESC"),
    ],
)
def test_runs_are_sorted_last_by_start_time_and_run_id(clauses: list[str], complete: str) -> None:
    for dialect in Dialect:
        keys = parse_order_by(clauses, Target.RUNS, dialect)

        assert ", ".join(map(str, complete_order(keys, Target.RUNS, dialect))) == complete


@pytest.mark.parametrize(
    ("clauses", "dialect", "complete"),
    [
        ([], Dialect.MLFLOW, "creation_time DESC, experiment_id ASC"),
        ([], Dialect.FULL, "creation_time DESC, experiment_id ASC"),
        (["name"], Dialect.MLFLOW, "name ASC, experiment_id DESC"),
        (["name"], Dialect.FULL, "name ASC, creation_time DESC, experiment_id ASC"),
        (["experiment_id"], Dialect.MLFLOW, "experiment_id ASC"),
    ],
)
def test_experiments_are_sorted_last_by_their_id(
    clauses: list[str], dialect: Dialect, complete: str
) -> None:
    keys = parse_order_by(clauses, Target.EXPERIMENTS, dialect)

    assert ", ".join(map(str, complete_order(keys, Target.EXPERIMENTS, dialect))) == complete
