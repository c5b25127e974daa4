"""Parses order_by clauses and says what comes after the last of them."""

from collections.abc import Sequence

from runstream_server.core.filters.errors import refusal, shown
from runstream_server.core.filters.fields import take_field
from runstream_server.core.filters.grammar import Dialect, Grammar, Target, grammar_of
from runstream_server.core.filters.lexer import TokenKind
from runstream_server.core.filters.nodes import Attribute, Field, OrderBy, ValueKind
from runstream_server.core.filters.reader import TokenReader

MAX_ORDER_BY_CLAUSES = 20

_RUN_ID = Attribute("run_id")
_START_TIME = Attribute("start_time", ValueKind.TIME_MS)
_CREATION_TIME = Attribute("creation_time", ValueKind.TIME_MS)
_EXPERIMENT_ID = Attribute("experiment_id", ValueKind.EXPERIMENT_ID)


def parse_order_by(clauses: Sequence[str], target: Target, dialect: Dialect) -> tuple[OrderBy, ...]:
    """Parse clauses of the form `field [ASC | DESC]`, one sort key each, the first sorts first.

    Without a direction a clause means ASC. Fields are those of filters, but datasets cannot be
    sorted by, nor can experiments by tags. See `complete_order` for what follows the last key.

    Raises:
        FilterError: A clause is not of that form or names a field twice (in MLflow's dialect a
            repeated field of experiments is ignored instead), or there are more than
            `MAX_ORDER_BY_CLAUSES`. Its `text` is the clause at fault.
    """
    if len(clauses) > MAX_ORDER_BY_CLAUSES:
        raise refusal(
            f"`order_by` has {len(clauses)} clauses",
            text=clauses[MAX_ORDER_BY_CLAUSES],
            position=0,
            expected=f"at most {MAX_ORDER_BY_CLAUSES}",
        )
    grammar = grammar_of(dialect, target)
    keys: dict[Field, OrderBy] = {}
    for clause in clauses:
        key = _parse_clause(clause, grammar)
        if key.field not in keys:
            keys[key.field] = key
        elif grammar.dialect is Dialect.FULL or grammar.target is Target.RUNS:
            raise refusal(
                f"`order_by` contains duplicate fields: {shown(clause)}",
                text=clause,
                position=key.position,
                expected=f"{key.field} once only",
            )
    return tuple(keys.values())


def complete_order(
    keys: Sequence[OrderBy], target: Target, dialect: Dialect
) -> tuple[OrderBy, ...]:
    """Append what makes the order total: each of these keys unless its field is among the given.

    Runs: start_time DESC, then run_id ASC. Experiments: creation_time DESC, then experiment_id
    ASC; in MLflow's dialect, after given keys, only experiment_id **DESC**, as MLflow does.
    """
    if target is Target.RUNS:
        defaults = [OrderBy(_START_TIME, descending=True), OrderBy(_RUN_ID)]
    elif keys and dialect is Dialect.MLFLOW:
        defaults = [OrderBy(_EXPERIMENT_ID, descending=True)]
    else:
        defaults = [OrderBy(_CREATION_TIME, descending=True), OrderBy(_EXPERIMENT_ID)]
    given = {key.field for key in keys}
    return (*keys, *(key for key in defaults if key.field not in given))


def _parse_clause(clause: str, grammar: Grammar) -> OrderBy:
    blame = f"Invalid order_by clause {shown(clause)}"
    reader = TokenReader(clause, grammar, blame=blame)
    expected = "a field, then ASC, DESC or nothing"
    is_padded = grammar.dialect is Dialect.MLFLOW and clause != clause.strip()
    if reader.next_is(TokenKind.END) or is_padded:
        if is_padded:
            expected += ", without spaces around"
        raise reader.refusal(blame, reader.token, expected, grammar.order_example)
    field = take_field(reader, sorting=True)
    direction = reader.token
    if direction.keyword in {"ASC", "DESC"}:
        reader.take()
    elif direction.keyword:
        raise reader.refusal(
            f"Invalid ordering key {shown(direction.text)} in order_by clause {shown(clause)}",
            direction,
            "ASC or DESC",
            grammar.order_example,
        )
    if not reader.next_is(TokenKind.END):
        raise reader.unexpected(
            "the end of the clause; each key is a clause of its own", grammar.order_example
        )
    return OrderBy(field, direction.keyword == "DESC", position=field.position)
