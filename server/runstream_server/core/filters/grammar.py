"""Which names, operators and liberties each dialect has: tables, no parsing."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from runstream_server.core.filters.nodes import (
    Attribute,
    Dataset,
    Field,
    Metric,
    Operator,
    ValueKind,
)


class Dialect(StrEnum):
    """How much of the language a door understands; the trees that come out are the same."""

    FULL = "full"
    """gRPC: MLflow's language, and OR, NOT, parentheses, IN on any text, NOT LIKE, IS NULL on
    anything that can be absent, and keys like `train/loss` without quotes. A quote inside quotes
    is doubled."""

    MLFLOW = "mlflow"
    """MLflow's REST API: what MLflow 3.17 refuses is refused, with MLflow's first words."""


class Target(StrEnum):
    """What is searched for."""

    RUNS = "runs"
    EXPERIMENTS = "experiments"
    MODELS = "models"
    """Logged models. How they are ordered is not said in text; see core.logged_models."""


class Entity(StrEnum):
    """What a field belongs to; the value is its name in messages."""

    METRIC = "metric"
    PARAM = "param"
    TAG = "tag"
    ATTRIBUTE = "attribute"
    DATASET = "dataset"


_EQUALITY = (Operator.EQ, Operator.NE)
_ORDERING = (*_EQUALITY, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_PATTERN = (*_EQUALITY, Operator.LIKE, Operator.ILIKE)
_MEMBERSHIP = (Operator.IN, Operator.NOT_IN)
_PRESENCE = (Operator.IS_NULL, Operator.IS_NOT_NULL)

_FULL_OPERATORS = {
    ValueKind.NUMBER: _ORDERING + _PRESENCE,
    ValueKind.TIME_MS: _ORDERING + _PRESENCE,
    ValueKind.TEXT: (*_PATTERN, Operator.NOT_LIKE, Operator.NOT_ILIKE, *_MEMBERSHIP, *_PRESENCE),
    ValueKind.EXPERIMENT_ID: _EQUALITY + _MEMBERSHIP,
}
_MLFLOW_KEY_OPERATORS = {
    ValueKind.NUMBER: _ORDERING,
    ValueKind.TEXT: _PATTERN + _PRESENCE,
}
_MLFLOW_ATTRIBUTE_OPERATORS = {
    ValueKind.TIME_MS: _ORDERING,
    ValueKind.TEXT: _PATTERN,
    ValueKind.EXPERIMENT_ID: _EQUALITY + _MEMBERSHIP,
}
_MLFLOW_MODEL_OPERATORS = {
    ValueKind.NUMBER: _ORDERING,
    ValueKind.TIME_MS: _ORDERING,
    ValueKind.TEXT: _PATTERN + _MEMBERSHIP,
}

DATASET_NAMES = ("name", "digest", "context")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """One dialect for one target."""

    dialect: Dialect
    target: Target

    entities: Mapping[str, Entity]
    """The words before a key's dot, and what they say."""

    attributes: Mapping[str, ValueKind]
    """The canonical names of the attributes, in the order messages list them."""

    aliases: Mapping[str, str]
    """Other spellings of attributes, to the canonical one."""

    order_aliases: Mapping[str, str]
    """The same for order_by."""

    sortable: frozenset[Entity]
    """What order_by may name."""

    def operators_of(self, field: Field) -> tuple[Operator, ...]:
        """The operators that can compare `field` in this dialect."""
        if self.dialect is Dialect.FULL:
            return _FULL_OPERATORS[field.kind]
        if self.target is Target.MODELS:
            return _MLFLOW_MODEL_OPERATORS[field.kind]
        if isinstance(field, Dataset) or field == Attribute("run_id"):
            return _PATTERN + _MEMBERSHIP
        if isinstance(field, Attribute):
            return _MLFLOW_ATTRIBUTE_OPERATORS[field.kind]
        return _MLFLOW_KEY_OPERATORS[field.kind]

    @property
    def example(self) -> str:
        """A filter that is right in every dialect."""
        if self.target is Target.RUNS:
            return "metrics.loss < 0.5 AND params.`model name` = 'resnet'"
        if self.target is Target.MODELS:
            return "metrics.loss < 0.5 AND name LIKE 'resnet%'"
        return "name LIKE 'vision%' AND tags.team = 'blue'"

    @property
    def order_example(self) -> str:
        """An order_by clause that is right in every dialect."""
        return "metrics.loss DESC" if self.target is Target.RUNS else "creation_time DESC"

    def example_of(self, field: Field) -> str:
        """A clause about `field` that is right in every dialect."""
        if isinstance(field, Metric):
            return f"{field} < 0.5"
        if field.kind is ValueKind.TIME_MS:
            return f"{field} > 1700000000000"
        if field.kind is ValueKind.EXPERIMENT_ID:
            return f"{field} = '1'"
        return f"{field} = 'value'"


_KEY_ENTITIES = {
    "metrics": Entity.METRIC,
    "metric": Entity.METRIC,
    "params": Entity.PARAM,
    "param": Entity.PARAM,
    "parameters": Entity.PARAM,
    "parameter": Entity.PARAM,
    "datasets": Entity.DATASET,
    "dataset": Entity.DATASET,
}
_TAG_ENTITIES = {"tags": Entity.TAG, "tag": Entity.TAG}
_ATTRIBUTE_ENTITIES = {
    "attributes": Entity.ATTRIBUTE,
    "attribute": Entity.ATTRIBUTE,
    "attr": Entity.ATTRIBUTE,
}
_RUN_ENTITIES = {**_KEY_ENTITIES, **_TAG_ENTITIES, **_ATTRIBUTE_ENTITIES, "run": Entity.ATTRIBUTE}
_MODEL_ENTITIES = {
    name: entity
    for name, entity in _RUN_ENTITIES.items()
    if entity is not Entity.DATASET and name != "run"
}

_MLFLOW_RUN_ATTRIBUTES = {
    "run_id": ValueKind.TEXT,
    "run_name": ValueKind.TEXT,
    "status": ValueKind.TEXT,
    "user_id": ValueKind.TEXT,
    "artifact_uri": ValueKind.TEXT,
    "start_time": ValueKind.TIME_MS,
    "end_time": ValueKind.TIME_MS,
}
_FULL_RUN_ATTRIBUTES = {
    **_MLFLOW_RUN_ATTRIBUTES,
    "create_time": ValueKind.TIME_MS,
    "experiment_id": ValueKind.EXPERIMENT_ID,
    "parent_run_id": ValueKind.TEXT,
}
_EXPERIMENT_ATTRIBUTES = {
    "name": ValueKind.TEXT,
    "experiment_id": ValueKind.EXPERIMENT_ID,
    "creation_time": ValueKind.TIME_MS,
    "last_update_time": ValueKind.TIME_MS,
}
_MLFLOW_MODEL_ATTRIBUTES = {
    "name": ValueKind.TEXT,
    "model_id": ValueKind.TEXT,
    "model_type": ValueKind.TEXT,
    "status": ValueKind.TEXT,
    "source_run_id": ValueKind.TEXT,
    "creation_timestamp": ValueKind.TIME_MS,
    "last_updated_timestamp": ValueKind.TIME_MS,
}
_FULL_MODEL_ATTRIBUTES = {**_MLFLOW_MODEL_ATTRIBUTES, "experiment_id": ValueKind.EXPERIMENT_ID}
_MLFLOW_MODEL_ALIASES = {
    "creation_time": "creation_timestamp",
    "last_updated_time": "last_updated_timestamp",
}
_FULL_MODEL_ALIASES = {
    **_MLFLOW_MODEL_ALIASES,
    "create_time": "creation_timestamp",
    "update_time": "last_updated_timestamp",
}
_START_TIME_ALIASES = {"created": "start_time", "Created": "start_time"}
_RUN_ALIASES = {
    **_START_TIME_ALIASES,
    "run name": "run_name",
    "Run name": "run_name",
    "Run Name": "run_name",
}
# The gRPC messages call an experiment's times as they call everyone's.
_EXPERIMENT_ALIASES = {"create_time": "creation_time", "update_time": "last_update_time"}

_SORTABLE_OF_RUNS = frozenset({Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.ATTRIBUTE})
_SORTABLE_OF_EXPERIMENTS = frozenset({Entity.ATTRIBUTE})

_GRAMMARS = (
    Grammar(
        dialect=Dialect.FULL,
        target=Target.RUNS,
        entities=_RUN_ENTITIES,
        attributes=_FULL_RUN_ATTRIBUTES,
        aliases=_RUN_ALIASES,
        order_aliases=_RUN_ALIASES,
        sortable=_SORTABLE_OF_RUNS,
    ),
    Grammar(
        dialect=Dialect.MLFLOW,
        target=Target.RUNS,
        entities=_RUN_ENTITIES,
        attributes=_MLFLOW_RUN_ATTRIBUTES,
        aliases=_RUN_ALIASES,
        order_aliases=_START_TIME_ALIASES,
        sortable=_SORTABLE_OF_RUNS,
    ),
    Grammar(
        dialect=Dialect.FULL,
        target=Target.EXPERIMENTS,
        entities={**_TAG_ENTITIES, **_ATTRIBUTE_ENTITIES, "experiment": Entity.ATTRIBUTE},
        attributes=_EXPERIMENT_ATTRIBUTES,
        aliases=_EXPERIMENT_ALIASES,
        order_aliases=_EXPERIMENT_ALIASES,
        sortable=_SORTABLE_OF_EXPERIMENTS,
    ),
    Grammar(
        dialect=Dialect.MLFLOW,
        target=Target.EXPERIMENTS,
        entities={**_TAG_ENTITIES, "attribute": Entity.ATTRIBUTE},
        attributes=_EXPERIMENT_ATTRIBUTES,
        aliases={},
        order_aliases={},
        sortable=_SORTABLE_OF_EXPERIMENTS,
    ),
    Grammar(
        dialect=Dialect.FULL,
        target=Target.MODELS,
        entities=_MODEL_ENTITIES,
        attributes=_FULL_MODEL_ATTRIBUTES,
        aliases=_FULL_MODEL_ALIASES,
        order_aliases={},
        sortable=frozenset(),
    ),
    Grammar(
        dialect=Dialect.MLFLOW,
        target=Target.MODELS,
        entities={
            "attributes": Entity.ATTRIBUTE,
            "metrics": Entity.METRIC,
            "params": Entity.PARAM,
            "tags": Entity.TAG,
        },
        attributes=_MLFLOW_MODEL_ATTRIBUTES,
        aliases=_MLFLOW_MODEL_ALIASES,
        order_aliases={},
        sortable=frozenset(),
    ),
)
_BY_DIALECT_AND_TARGET: Mapping[tuple[Dialect, Target], Grammar] = MappingProxyType(
    {(grammar.dialect, grammar.target): grammar for grammar in _GRAMMARS}
)


def grammar_of(dialect: Dialect, target: Target) -> Grammar:
    """The grammar of `dialect` for `target`."""
    return _BY_DIALECT_AND_TARGET[dialect, target]
