"""What a filter and an order_by mean: small immutable trees, and the semantics of each node.

Whoever turns these nodes into SQL or into anything else must keep to the rules written here; they
are MLflow's wherever MLflow has a rule.

**Truth.** Every comparison is true or false, never unknown. A comparison with something the run
lacks is false, whatever the operator, except `IS NULL`. `Not` is the exact complement of what is
inside it: `params.a != 'x'` leaves out runs without the param `a`, `NOT params.a = 'x'` keeps them.

**Equality.** Nodes are equal when they mean the same: `position` does not take part. `str(node)`
is the canonical text; parsing it in the FULL dialect for the same target gives an equal node.
"""

import dataclasses
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Operator(StrEnum):
    """How a comparison compares; the value is the canonical spelling.

    Text is compared by code point, without normalisation or trimming.

    `NE`, `NOT_LIKE`, `NOT_ILIKE` and `NOT_IN` ask for something that is *there* and differs.

    `LIKE` matches the whole value, is case-sensitive on every engine, and knows two wildcards: `%`
    for any characters, none included, and `_` for exactly one. There is **no escape character**: a
    backslash is a backslash (PostgreSQL's LIKE needs `ESCAPE ''` for that). `ILIKE` is the same
    after Unicode case folding of both sides.

    `IS_NULL` is true of what the run lacks, `IS_NOT_NULL` of what it has. An empty text is there,
    and so is a metric whose latest value is NaN.
    """

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    NOT_LIKE = "NOT LIKE"
    ILIKE = "ILIKE"
    NOT_ILIKE = "NOT ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class ValueKind(StrEnum):
    """What a field holds, and so what it can be compared with."""

    NUMBER = "number"
    """A float64. Literals are floats, possibly infinite, never NaN."""

    TEXT = "text"
    """A string. Literals are strings without NUL and without lone surrogates."""

    TIME_MS = "time_ms"
    """A time. Literals are **milliseconds** since the epoch, int or float, as in MLflow, while
    stored times are microseconds: `times.microsecond_range` turns one into the other."""

    EXPERIMENT_ID = "experiment_id"
    """An experiment's id. Literals are strings that `int()` reads as a 64-bit integer; ids are
    compared as numbers."""


Value = float | int | str | tuple[str, ...] | None
"""float for NUMBER; int or float for TIME_MS; str for the others, or a tuple of at least one str
with IN and NOT IN; None with IS NULL and IS NOT NULL."""

_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def quoted(text: str, quote: str) -> str:
    """Write `text` in quotes; the quote itself is doubled inside."""
    return quote + text.replace(quote, quote * 2) + quote


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else quoted(key, "`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What all nodes have: the offset of their first token in the text, from 0."""

    position: int = dataclasses.field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Metric(Node):
    """The latest value of a run's metric; of a logged model's, any of its values.

    Latest is the greatest (step, time, value), NaN below -Inf. A plain key means the rank-less
    series of that key, or the lowest rank's where there is none. Numbers compare as float64:
    -0.0 equals 0.0, infinities are the extremes, and a NaN satisfies `!=` and nothing else, as
    well as `IS NOT NULL`.

    A logged model keeps every point: a comparison is true when **some** point satisfies it, and
    each comparison looks for a point of its own.
    """

    key: str
    kind: ClassVar[ValueKind] = ValueKind.NUMBER

    def __str__(self) -> str:
        return f"metrics.{_key(self.key)}"


@dataclass(frozen=True, slots=True)
class Param(Node):
    """The value of a run's parameter, a text even where it looks like a number."""

    key: str
    kind: ClassVar[ValueKind] = ValueKind.TEXT

    def __str__(self) -> str:
        return f"params.{_key(self.key)}"


@dataclass(frozen=True, slots=True)
class Tag(Node):
    """The value of a tag of the run or the experiment, its reserved tags (`mlflow.…`) included."""

    key: str
    kind: ClassVar[ValueKind] = ValueKind.TEXT

    def __str__(self) -> str:
        return f"tags.{_key(self.key)}"


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    """A property that every run or every experiment has, by its canonical name.

    Of logged models: name, model_id, model_type, status (PENDING, READY or FAILED), source_run_id,
    experiment_id, creation_timestamp, last_updated_timestamp.

    Of runs: run_id, run_name, status, user_id, artifact_uri, experiment_id, parent_run_id (the tag
    `mlflow.parentRunId`), start_time, end_time, create_time. Of experiments: name, experiment_id,
    creation_time, last_update_time. Some can be absent, `end_time` of a running run for one; then
    they behave like a key that the run lacks.

    `status` is compared as the text RUNNING, SCHEDULED, FINISHED, FAILED or KILLED; another text
    is not an error and equals none of them.
    """

    name: str
    kind: ValueKind = ValueKind.TEXT

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Dataset(Node):
    """A property of the run's dataset inputs: `name`, `digest` or `context`.

    A run may have many inputs: a comparison is true when **some** input satisfies it, and each
    comparison looks for an input of its own. So `datasets.name = 'a' AND datasets.digest = 'd'` is
    true of a run whose input `a` has another digest if another input has `d`, and
    `datasets.name != 'a'` of every run with any other input. `IS NULL` is true when no input of
    the run has it, as of a run without inputs. `context` is the input's tag
    `mlflow.data.context`, which an input may lack.
    """

    name: str
    kind: ClassVar[ValueKind] = ValueKind.TEXT

    def __str__(self) -> str:
        return f"datasets.{self.name}"


Field = Metric | Param | Tag | Attribute | Dataset


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """One field compared with one literal; several may name the same field."""

    field: Field
    operator: Operator
    value: Value = None

    def __str__(self) -> str:
        parts = [str(self.field), self.operator.value]
        if self.value is not None:
            parts.append(_literal(self.value))
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Not(Node):
    """The complement of `operand`: everything that it does not match."""

    operand: "Expression"

    def __str__(self) -> str:
        return f"NOT {_grouped(self.operand, And, Or)}"


@dataclass(frozen=True, slots=True)
class And(Node):
    """True when all of two or more operands are. Nested as it was written, not flattened."""

    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " AND ".join(_grouped(operand, And, Or) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Or(Node):
    """True when any of two or more operands is. Nested as it was written, not flattened."""

    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " OR ".join(_grouped(operand, Or) for operand in self.operands)


Expression = And | Or | Not | Comparison


@dataclass(frozen=True, slots=True)
class OrderBy(Node):
    """One sort key. The rules are the same in both directions but for the order of the values.

    Those that lack the field come last **either way**, a metric that is NaN just before them.
    Among the rest numbers and times go by size, text by code point, and experiment ids as numbers.
    """

    field: Field
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.field} {'DESC' if self.descending else 'ASC'}"


def _grouped(operand: Expression, *kinds: type[And] | type[Or]) -> str:
    return f"({operand})" if isinstance(operand, kinds) else str(operand)


def _literal(value: float | str | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(quoted(item, "'") for item in value) + ")"
    if isinstance(value, str):
        return quoted(value, "'")
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)
