"""What is refused, with the words that say why and the place that is at fault."""

import pytest

from runstream_server.core.filters import Dialect, FilterError, Target, parse_filter

SYNTAX = "Invalid clause(s) in filter string"
NUMBER = "Expected numeric value type for"
TEXT = "Expected a quoted string value for"
UNQUOTED = "Parameter value is either not quoted or unidentified quote types"
ATTRIBUTE = "Invalid attribute key"
ENTITY = "Invalid entity type"
OPERATOR = "Invalid comparator"
FIELD = "Expected 'Identifier' found"

# filter, how the message begins, character at fault (counted from 1)
RUNS_IN_BOTH = [
    ("metrics.a", SYNTAX, 10),
    ("metrics.a >", SYNTAX, 12),
    ("metrics.a > 1;", SYNTAX, 14),
    ("metrics.a > 1 -- c", SYNTAX, 15),
    ("metrics.a > 1, metrics.b > 1", SYNTAX, 14),
    ("metrics.a BETWEEN 1 AND 2", SYNTAX, 11),
    ("metrics.a > 1AND metrics.b > 1", SYNTAX, 13),
    ("metrics.a > 0x10", SYNTAX, 13),
    ("metrics.a > 1_000", SYNTAX, 13),
    ("metrics.a > 1.2.3", SYNTAX, 13),
    ("metrics.a > - 1", SYNTAX, 13),
    ("metrics.a > --1", SYNTAX, 13),
    ("metrics.a > 1+1", SYNTAX, 14),
    ("metrics. > 1", SYNTAX, 9),
    ("metrics.`` > 1", SYNTAX, 1),
    ("metrics. a > 1", SYNTAX, 9),
    ("metrics . a > 1", SYNTAX, 9),
    ("metrics.a. > 1", SYNTAX, 11),
    (".a > 1", SYNTAX, 1),
    ("metrics.a$b > 1", SYNTAX, 10),
    ("tags.mlflow.`a b` = 'x'", SYNTAX, 1),
    ("metrics.`a`.`b` > 1", SYNTAX, 1),
    ("metrics.a == 1", OPERATOR, 11),
    ("metrics.a <> 1", OPERATOR, 11),
    ("metrics.a => 1", OPERATOR, 11),
    ("metrics.a ~ 1", OPERATOR, 11),
    ("metrics.a !> 1", OPERATOR, 11),
    ("metrics.a LIKE '1'", OPERATOR, 11),
    ("metrics.a IN (1, 2)", OPERATOR, 11),
    ("metrics.a = nan", NUMBER, 13),
    ("metrics.a = true", NUMBER, 13),
    ("metrics.a > '1'", NUMBER, 13),
    ('metrics.a > "1"', NUMBER, 13),
    ("metrics.a > metrics.b", NUMBER, 13),
    ("METRICS.a > 1", ENTITY, 1),
    ('"metrics".a > 1', ENTITY, 1),
    ("`metrics.a` > 1", ATTRIBUTE, 1),
    ("runs.run_id = 'a'", ENTITY, 1),
    ("experiment.name = 'a'", ENTITY, 1),
    ("1 < metrics.a", FIELD, 1),
    ("'a' = 'a'", FIELD, 1),
    ("= 1", SYNTAX, 1),
    ("params.a = 1", TEXT, 12),
    ("params.a = abc", UNQUOTED, 12),
    ("params.a = `abc`", UNQUOTED, 12),
    ("params.a = NULL", UNQUOTED, 12),
    ("params.a = ('x')", TEXT, 12),
    ("params.a = = 'x'", TEXT, 12),
    ("params.a > 'x'", OPERATOR, 10),
    ("params.a RLIKE 'x'", SYNTAX, 10),
    ("params.a LR !=", SYNTAX, 10),
    ("params.a IS 'x'", SYNTAX, 13),
    ("params.a ISNULL", SYNTAX, 10),
    ("params.a IS NULL IS NULL", SYNTAX, 18),
    ("params.a = 'x", SYNTAX, 12),
    ("params.a = x'", SYNTAX, 13),
    ("params.a = 'x'y'", SYNTAX, 16),
    ("params.a = \"x'", SYNTAX, 12),
    ("`params.a = 'x'", SYNTAX, 1),
    ("tags.a = 1", TEXT, 10),
    ("Run_name = 'x'", ATTRIBUTE, 1),
    ("user = 'x'", ATTRIBUTE, 1),
    ("loss > 1", ATTRIBUTE, 1),
    ("attributes.loss > 1", ATTRIBUTE, 1),
    ("run_uuid = 'x'", ATTRIBUTE, 1),
    ("lifecycle_stage = 'active'", ATTRIBUTE, 1),
    ("status = 1", TEXT, 10),
    ("status > 'x'", OPERATOR, 8),
    ("run_id = run_name", UNQUOTED, 10),
    ("run_id IN 'a'", SYNTAX, 11),
    ("run_id IN ()", "While parsing a list in the query", 11),
    ("run_id IN (1)", TEXT, 12),
    ("run_id IN (a)", UNQUOTED, 12),
    ("run_id IN ('a',,'b')", TEXT, 16),
    ("run_id IN (,'a')", TEXT, 12),
    ("run_id IN ('a' 'b')", SYNTAX, 16),
    ("run_id IN ('a'", SYNTAX, 15),
    ("start_time = '1'", NUMBER, 14),
    ("start_time LIKE '1'", OPERATOR, 12),
    ("start_time IN (1)", OPERATOR, 12),
    ("datasets.foo = 'x'", "Invalid dataset key", 1),
    ("datasets.name > 'x'", OPERATOR, 15),
    ("datasets.name = x", UNQUOTED, 17),
    ("params.a = 'x\x00y'", SYNTAX, 14),
    ("params.a = '\ud800'", SYNTAX, 13),
]

RUNS_IN_MLFLOW = [
    (" ", "Invalid filter ' '. Could not be parsed", 2),
    ("metrics.a > 1 OR metrics.b > 2", SYNTAX, 15),
    ("NOT metrics.a > 1", SYNTAX, 1),
    ("metrics.a > 1 AND (metrics.b > 2)", SYNTAX, 19),
    ("params.a = 'x' params.b IS NULL", SYNTAX, 16),
    ("metrics.a > 1 run_id IN ('a')", SYNTAX, 15),
    ("metrics.a-b > 1", SYNTAX, 1),
    ("metrics.a/b > 1", SYNTAX, 1),
    ("metrics.1 > 1", SYNTAX, 1),
    ("metrics.a.1 > 1", SYNTAX, 1),
    ("metrics.In > 1", SYNTAX, 1),
    ("tags.a.from = 'x'", SYNTAX, 1),
    ("metrics.a = +1", NUMBER, 13),
    ("metrics.a = inf", NUMBER, 13),
    ("metrics.a IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params", 11),
    ("run_id IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params", 8),
    ("end_time IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params", 10),
    ("datasets.name IS NULL", "IS NULL / IS NOT NULL is only supported for tags and", 15),
    ("params.a NOT LIKE 'x'", OPERATOR, 10),
    ("params.a NOT ILIKE 'x'", OPERATOR, 10),
    ("params.a IN ('x')", OPERATOR, 10),
    ("tags.a NOT IN ('x')", OPERATOR, 8),
    ("run_name IN ('x')", "Only ['run_id'] attributes support comparison with a list", 10),
    ("run_id NOT LIKE 'x'", OPERATOR, 8),
    ("datasets.name NOT LIKE 'x'", OPERATOR, 15),
    ("experiment_id = '1'", ATTRIBUTE, 1),
    ("parent_run_id = 'x'", ATTRIBUTE, 1),
    ("create_time > 1", ATTRIBUTE, 1),
    ("params.a = 'C:\\' AND params.b = 'x'", SYNTAX, 35),
]

RUNS_IN_FULL = [
    ("metrics.a > 1 AND", SYNTAX, 18),
    ("AND metrics.a > 1", SYNTAX, 1),
    ("metrics.a > 1 AND AND metrics.b > 2", SYNTAX, 19),
    ("metrics.a > 1 metrics.b > 2", SYNTAX, 15),
    ("metrics.a > 1 OR", SYNTAX, 17),
    ("NOT", SYNTAX, 4),
    ("()", SYNTAX, 2),
    ("(metrics.a > 1", SYNTAX, 15),
    ("metrics.a > 1)", SYNTAX, 14),
    ("metrics.a NOT > 1", SYNTAX, 15),
    ("params.a IS NOT 'x'", SYNTAX, 17),
    ("experiment_id = 'x'", "Invalid experiment ID", 17),
    ("experiment_id IN ('1', '')", "Invalid experiment ID", 24),
    ("experiment_id = '9999999999999999999'", "Invalid experiment ID", 17),
    ("experiment_id LIKE '1'", OPERATOR, 15),
]

EXPERIMENTS_IN_BOTH = [
    ("metrics.a > 1", ENTITY, 1),
    ("params.a = 'x'", ENTITY, 1),
    ("datasets.name = 'x'", ENTITY, 1),
    ("start_time > 1", ATTRIBUTE, 1),
    ("Name = 'x'", ATTRIBUTE, 1),
    ("artifact_location = 'x'", ATTRIBUTE, 1),
    ("lifecycle_stage = 'active'", ATTRIBUTE, 1),
    ("name > 'x'", OPERATOR, 6),
    ("name = 1", TEXT, 8),
    ("creation_time = '1'", NUMBER, 17),
    ("experiment_id = 1", TEXT, 17),
    ("experiment_id = 'abc'", "Invalid experiment ID", 17),
    ("experiment_id LIKE '1'", OPERATOR, 15),
    ("experiment_id > '1'", OPERATOR, 15),
]

EXPERIMENTS_IN_MLFLOW = [
    ("attributes.name = 'x'", ENTITY, 1),
    ("attr.name = 'x'", ENTITY, 1),
    ("create_time > 1", ATTRIBUTE, 1),
    ("name IN ('x')", "Only ['experiment_id'] attributes support comparison with a list", 6),
    ("creation_time = 1.5", "Invalid value for numeric attribute 'creation_time'", 17),
    ("creation_time = 1e3", "Invalid value for numeric attribute 'creation_time'", 17),
    ("name IS NULL", "IS NULL / IS NOT NULL is only supported for tags", 6),
    ("tags.a NOT LIKE 'x'", OPERATOR, 8),
    ("name = 'x' OR name = 'y'", SYNTAX, 12),
]


def check_refusal(text: str, target: Target, dialect: Dialect, words: str, character: int) -> None:
    with pytest.raises(FilterError) as refused:
        parse_filter(text, target, dialect)

    error = refused.value
    assert error.message == str(error)
    assert error.message.startswith(words)
    assert (error.text, error.position) == (text, character - 1)
    assert f"at character {character}: expected " in error.message


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "words", "character"), RUNS_IN_BOTH)
def test_both_dialects_refuse_a_filter_of_runs(
    text: str, words: str, character: int, dialect: Dialect
) -> None:
    check_refusal(text, Target.RUNS, dialect, words, character)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "words", "character"), EXPERIMENTS_IN_BOTH)
def test_both_dialects_refuse_a_filter_of_experiments(
    text: str, words: str, character: int, dialect: Dialect
) -> None:
    check_refusal(text, Target.EXPERIMENTS, dialect, words, character)


@pytest.mark.parametrize(("text", "words", "character"), RUNS_IN_MLFLOW)
def test_mlflow_s_dialect_refuses_what_mlflow_refuses_about_runs(
    text: str, words: str, character: int
) -> None:
    check_refusal(text, Target.RUNS, Dialect.MLFLOW, words, character)


@pytest.mark.parametrize(("text", "words", "character"), EXPERIMENTS_IN_MLFLOW)
def test_mlflow_s_dialect_refuses_what_mlflow_refuses_about_experiments(
    text: str, words: str, character: int
) -> None:
    check_refusal(text, Target.EXPERIMENTS, Dialect.MLFLOW, words, character)


@pytest.mark.parametrize(("text", "words", "character"), RUNS_IN_FULL)
def test_the_full_dialect_refuses_malformed_logic(text: str, words: str, character: int) -> None:
    check_refusal(text, Target.RUNS, Dialect.FULL, words, character)


def test_a_message_names_the_token_the_place_what_was_expected_and_a_right_clause() -> None:
    with pytest.raises(FilterError) as refused:
        parse_filter("params.a = 'x' AND metrics.loss > '0.5'", Target.RUNS, Dialect.FULL)

    assert refused.value.message == (
        "Expected numeric value type for metric. Found \"'0.5'\", at character 35: expected a"
        " number without quotes. Example: metrics.loss < 0.5"
    )


def test_a_message_shows_hostile_text_shortened_and_on_one_line() -> None:
    with pytest.raises(FilterError) as refused:
        parse_filter("params.a = `\n\x1b" + "x" * 5_000 + "`", Target.RUNS, Dialect.FULL)

    assert len(refused.value.message) < 300
    assert refused.value.message.isprintable()
