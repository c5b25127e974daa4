"""What searches for runs mean, in plain Python, and random runs, filters and orders to compare."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from runstream_server.core.filters import (
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
    ValueKind,
)
from runstream_server.core.runs import RunStatus
from runstream_server.storage import schema
from tests.contract.tracking.serving import ROOT_URI, hex_id

__all__ = ["ModelRun", "expected", "expressions", "model_runs", "orders", "stored_rows"]

KEYS: Final = ("a", "b c", "train/loss")
LONG: Final = "é" * 250
TEXTS: Final = (
    "",
    "x",
    "X",
    "xy",
    "ß",
    "SS",
    "é",
    "É",
    "%",
    "_",
    "\\",
    "\\%",
    "🦒",
    "\uffff",
    "'",
    "1",
)
VALUES: Final = (*TEXTS, LONG, LONG + "x", LONG + "y")
PATTERNS: Final = (
    "%",
    "_",
    "x%",
    "%Y",
    "X_",
    "ss",
    "\\%",
    "_\\",
    "%é",
    "É%",
    "",
    "🦒",
    "%'%",
    "%\\%",
)
NUMBERS: Final = (0.0, -0.0, 1.5, -2.0, 1e308, -5e-324, math.inf, -math.inf)
BASE_US: Final = 1_700_000_000_000_000
TIMES_US: Final = (0, BASE_US, BASE_US + 1, BASE_US + 999, BASE_US + 1_000, BASE_US + 5_000)
TIMES_MS: Final = (
    0,
    BASE_US // 1_000,
    BASE_US // 1_000 + 1,
    BASE_US / 1_000 + 0.5,
    -math.inf,
    1e300,
)

Series = tuple[str, int, int, float | None]
"""Key, rank (-1 for none), attempt, and the latest value, None while there is no point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """A run with everything that can be searched for."""

    run_id: str
    experiment_id: int
    name: str
    status: RunStatus
    active: bool
    start_time_us: int
    end_time_us: int | None
    create_time_us: int
    user: str
    artifact_uri: str
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    series: Sequence[Series] = ()

    def value(self, name: Field) -> float | str | None:
        """Returns the value of a field; None when the run lacks it."""
        match name:
            case Metric(key):
                ranked = [s for s in self.series if s[0] == key and s[3] is not None]
                return min(ranked, key=lambda s: (s[1], -s[2]))[3] if ranked else None
            case Param(key):
                return self.params.get(key)
            case Tag(key):
                return self.tags.get(key)
            case Dataset():
                return None
            case Attribute(attribute):
                return self._attribute(attribute)

    def _attribute(self, name: str) -> float | str | None:
        default_uri = f"{ROOT_URI}/{self.experiment_id}/{self.run_id}/artifacts"
        attributes: dict[str, float | str | None] = {
            "run_id": self.run_id,
            "run_name": self.name,
            "status": self.status.name,
            "user_id": self.user,
            "artifact_uri": self.artifact_uri or default_uri,
            "experiment_id": self.experiment_id,
            "parent_run_id": self.tags.get("mlflow.parentRunId"),
            "start_time": self.start_time_us,
            "end_time": self.end_time_us,
            "create_time": self.create_time_us,
        }
        return attributes[name]


def expected(
    runs: Sequence[ModelRun], expression: Expression | None, order: Sequence[OrderBy]
) -> list[str]:
    """Returns the ids of the runs that match, in order."""
    found = [run for run in runs if expression is None or _matches(run, expression)]
    found.sort(key=lambda run: run.run_id)
    found.sort(key=lambda run: run.start_time_us, reverse=True)
    for key in reversed(order):
        found = _sorted(found, key)
    return [run.run_id for run in found]


def _sorted(runs: list[ModelRun], key: OrderBy) -> list[ModelRun]:
    def value(run: ModelRun) -> Any:  # noqa: ANN401 - numbers or texts
        return run.value(key.field)

    absent = [run for run in runs if value(run) is None]
    nan = [run for run in runs if value(run) is not None and value(run) != value(run)]
    there = [run for run in runs if value(run) is not None and value(run) == value(run)]
    return [*sorted(there, key=value, reverse=key.descending), *nan, *absent]


def _matches(run: ModelRun, expression: Expression) -> bool:
    match expression:
        case And(operands):
            return all(_matches(run, operand) for operand in operands)
        case Or(operands):
            return any(_matches(run, operand) for operand in operands)
        case Not(operand):
            return not _matches(run, operand)
        case Comparison(name, operator, literal):
            value = run.value(name)
            if operator is Operator.IS_NULL:
                return value is None
            if value is None:
                return False
            if name.kind is ValueKind.TIME_MS:
                value = int(value) // 1_000
            if name.kind is ValueKind.EXPERIMENT_ID:
                value = str(value)
            return _COMPARES[operator](value, literal)


def _like(value: str, pattern: str) -> bool:
    parts = {"%": ".*", "_": "."}
    regex = "".join(parts.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(regex, value, re.DOTALL) is not None


def _ilike(value: str, pattern: str) -> bool:
    return _like(value.casefold(), pattern.casefold())


_COMPARES: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: lambda value, literal: value == literal,
    Operator.NE: lambda value, literal: value != literal,
    Operator.LT: lambda value, literal: value < literal,
    Operator.LE: lambda value, literal: value <= literal,
    Operator.GT: lambda value, literal: value > literal,
    Operator.GE: lambda value, literal: value >= literal,
    Operator.LIKE: _like,
    Operator.NOT_LIKE: lambda value, literal: not _like(value, literal),
    Operator.ILIKE: _ilike,
    Operator.NOT_ILIKE: lambda value, literal: not _ilike(value, literal),
    Operator.IN: lambda value, literal: value in literal,
    Operator.NOT_IN: lambda value, literal: value not in literal,
    Operator.IS_NOT_NULL: lambda value, _: value is not None,
}


def stored_rows(run: ModelRun) -> dict[str, list[dict[str, Any]]]:
    """Returns what is stored of a run, by table."""
    run_id = run.run_id
    series = [
        {
            "run_id": run_id,
            "series_id": number,
            "key": key,
            "rank": rank,
            "attempt": attempt,
            "last_value": None if value is None or math.isnan(value) else value,
            "last_is_nan": None if value is None else math.isnan(value),
        }
        for number, (key, rank, attempt, value) in enumerate(run.series)
    ]
    row = {
        "run_id": run_id,
        "experiment_id": run.experiment_id,
        "name": run.name,
        "status": run.status,
        "active": run.active,
        "start_time_us": run.start_time_us,
        "end_time_us": run.end_time_us,
        "create_time_us": run.create_time_us,
        "update_time_us": run.create_time_us,
        "user_id": run.user,
        "artifact_uri": run.artifact_uri,
    }
    labels = {
        table.name: [{"run_id": run_id, "key": k, "value": v} for k, v in values.items()]
        for table, values in ((schema.params, run.params), (schema.tags, run.tags))
    }
    return {schema.runs.name: [row], schema.series.name: series, **labels}


_LABELS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
_TAGS = st.dictionaries(
    st.sampled_from((*KEYS, "mlflow.parentRunId")), st.sampled_from(VALUES), max_size=4
)
_SERIES = st.lists(
    st.tuples(
        st.sampled_from(KEYS),
        st.sampled_from((-1, 0, 2)),
        st.sampled_from((0, 1)),
        st.sampled_from((*NUMBERS, math.nan, None)),
    ),
    max_size=5,
    unique_by=lambda series: series[:3],
)


def model_runs() -> st.SearchStrategy[list[ModelRun]]:
    """Makes runs whose fields often collide."""
    run = st.builds(
        ModelRun,
        run_id=st.integers(0, 2**128 - 1).map(hex_id),
        experiment_id=st.sampled_from((0, 1, 10)),
        name=st.sampled_from(VALUES),
        status=st.sampled_from(RunStatus),
        active=st.booleans(),
        start_time_us=st.sampled_from(TIMES_US),
        end_time_us=st.sampled_from((None, *TIMES_US)),
        create_time_us=st.sampled_from(TIMES_US),
        user=st.sampled_from(TEXTS),
        artifact_uri=st.sampled_from(("", "s3://bucket/é")),
        params=_LABELS,
        tags=_TAGS,
        series=_SERIES,
    )
    return st.lists(run, max_size=12, unique_by=lambda one: one.run_id)


_NUMBER_OPERATORS = st.sampled_from(
    (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
)
_PRESENCE = st.sampled_from((Operator.IS_NULL, Operator.IS_NOT_NULL))
_ATTRIBUTES: Final = {
    ValueKind.TEXT: ("run_id", "run_name", "status", "user_id", "artifact_uri", "parent_run_id"),
    ValueKind.TIME_MS: ("start_time", "end_time", "create_time"),
    ValueKind.EXPERIMENT_ID: ("experiment_id",),
}


def _attributes(kind: ValueKind) -> st.SearchStrategy[Attribute]:
    return st.builds(Attribute, st.sampled_from(_ATTRIBUTES[kind]), st.just(kind))


_KEY = st.sampled_from(KEYS)
_TEXT_FIELDS = st.one_of(
    st.builds(Param, _KEY),
    st.builds(Tag, _KEY),
    _attributes(ValueKind.TEXT),
    st.builds(Dataset, st.sampled_from(("name", "digest", "context"))),
)
_LITERALS = st.sampled_from((*VALUES, "RUNNING", "FAILED", hex_id(0), "s3://bucket/é"))


def _comparisons() -> st.SearchStrategy[Comparison]:
    numbers, times = st.builds(Metric, _KEY), _attributes(ValueKind.TIME_MS)
    ids = _attributes(ValueKind.EXPERIMENT_ID)
    build = st.builds
    lists = st.sampled_from((Operator.IN, Operator.NOT_IN))
    equal = st.sampled_from((Operator.EQ, Operator.NE))
    like = st.sampled_from((Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE))
    some_ids = st.sampled_from(("0", "1", "10", "7"))
    return st.one_of(
        build(Comparison, numbers, _NUMBER_OPERATORS, st.sampled_from(NUMBERS)),
        build(Comparison, times, _NUMBER_OPERATORS, st.sampled_from(TIMES_MS)),
        build(Comparison, _TEXT_FIELDS, equal, _LITERALS),
        build(Comparison, _TEXT_FIELDS, like, st.sampled_from(PATTERNS)),
        build(Comparison, _TEXT_FIELDS, lists, st.lists(_LITERALS, min_size=1).map(_short)),
        build(Comparison, ids, equal, some_ids),
        build(Comparison, ids, lists, st.lists(some_ids, min_size=1, max_size=3).map(tuple)),
        build(Comparison, st.one_of(numbers, times, _TEXT_FIELDS), _PRESENCE),
    )


def _short(texts: list[str]) -> tuple[str, ...]:
    return tuple(texts[:4])


def expressions() -> st.SearchStrategy[Expression | None]:
    """Makes filters of a few comparisons."""
    tree: st.SearchStrategy[Expression] = st.recursive(
        _comparisons(),
        lambda inner: st.one_of(
            st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(Not, inner),
        ),
        max_leaves=6,
    )
    return st.one_of(st.none(), tree)


def orders() -> st.SearchStrategy[list[OrderBy]]:
    """Makes orders of a few keys."""
    fields = st.one_of(
        st.builds(Metric, _KEY),
        st.builds(Param, _KEY),
        st.builds(Tag, _KEY),
        *map(_attributes, _ATTRIBUTES),
    )
    key = st.builds(OrderBy, fields, st.booleans())
    return st.lists(key, max_size=3, unique_by=lambda one: one.field)
