"""Filters of logged models, in both dialects."""

import pytest

from runstream_server.core.filters import Dialect, FilterError, Target, parse_filter

# filter, canonical text
IN_BOTH = [
    ("name = 'a'", "name = 'a'"),
    ("attributes.name != 'a'", "name != 'a'"),
    ("name NOT IN ('a', 'b')", "name NOT IN ('a', 'b')"),
    ("params.a IN ('1')", "params.a IN ('1')"),
    ("tags.`b c` ILIKE '%x'", "tags.`b c` ILIKE '%x'"),
    ("status = 'READY'", "status = 'READY'"),
    ("creation_time > 5", "creation_timestamp > 5"),
    ("last_updated_time <= 5", "last_updated_timestamp <= 5"),
    ("metrics.acc > 1 AND name = 'a'", "metrics.acc > 1.0 AND name = 'a'"),
]
IN_FULL_ALONE = [
    ("metric.acc > 1", "metrics.acc > 1.0"),
    ("attr.name = 'a'", "name = 'a'"),
    ("name = 'a' OR NOT name = 'b'", "name = 'a' OR NOT name = 'b'"),
    ("metrics.acc IS NULL", "metrics.acc IS NULL"),
    ("params.a IS NOT NULL", "params.a IS NOT NULL"),
    ("experiment_id IN ('1')", "experiment_id IN ('1')"),
    ("create_time > 5", "creation_timestamp > 5"),
    ("name NOT LIKE 'a'", "name NOT LIKE 'a'"),
]
IN_NEITHER = [
    ("datasets.name = 'a'", "Invalid entity type"),
    ("run.name = 'a'", "Invalid entity type"),
    ("bogus = 'a'", "Invalid attribute key"),
    ("name > 'a'", "Invalid comparison operator for 'name': '>'"),
    ("metrics.acc LIKE 'a'", "Invalid comparison operator for 'metrics.acc': 'LIKE'"),
    ("metrics.acc = 'a'", "Expected numeric value"),
    ("name", "Invalid filter string"),
    ("name = 'a' name", "Invalid filter string"),
]


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "canonical"), IN_BOTH)
def test_both_dialects_take(text: str, canonical: str, dialect: Dialect) -> None:
    assert str(parse_filter(text, Target.MODELS, dialect)) == canonical


@pytest.mark.parametrize(("text", "canonical"), IN_FULL_ALONE)
def test_the_full_dialect_alone_takes(text: str, canonical: str) -> None:
    full = parse_filter(text, Target.MODELS, Dialect.FULL)

    assert str(full) == canonical
    assert parse_filter(canonical, Target.MODELS, Dialect.FULL) == full
    with pytest.raises(FilterError):
        parse_filter(text, Target.MODELS, Dialect.MLFLOW)


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize(("text", "message"), IN_NEITHER)
def test_neither_dialect_takes(text: str, message: str, dialect: Dialect) -> None:
    with pytest.raises(FilterError, match="expected") as caught:
        parse_filter(text, Target.MODELS, dialect)

    assert caught.value.message.startswith(message)
