"""Reads comparison operators and says which field may be compared how."""

from runstream_server.core.filters.errors import FilterError, shown
from runstream_server.core.filters.grammar import Dialect, Target
from runstream_server.core.filters.lexer import Token, TokenKind
from runstream_server.core.filters.nodes import Attribute, Field, Operator, ValueKind
from runstream_server.core.filters.reader import TokenReader

_SYMBOLS = {operator.value: operator for operator in Operator if not operator.value[0].isalpha()}
_INSTEAD = {"==": "=", "<>": "!=", "=>": ">=", "=<": "<=", "~": "LIKE", "~=": "LIKE"}
_WORDS = {"LIKE": Operator.LIKE, "ILIKE": Operator.ILIKE, "IN": Operator.IN}
_WORDS_AFTER_NOT = {
    "LIKE": Operator.NOT_LIKE,
    "ILIKE": Operator.NOT_ILIKE,
    "IN": Operator.NOT_IN,
}


def take_operator(reader: TokenReader, field: Field) -> Operator:
    """Take the operator that follows `field`.

    Raises:
        FilterError: There is none, or one that cannot compare this field in this dialect.
    """
    first = reader.token
    operator = _take_word(reader) or _take_symbol(reader, field)
    if operator not in reader.grammar.operators_of(field):
        raise _not_allowed(reader, first, field, operator)
    return operator


def _take_word(reader: TokenReader) -> Operator | None:
    if reader.take_keyword("IS"):
        return _take_presence(reader)
    words, wanted = _WORDS, ""
    if reader.take_keyword("NOT"):
        words, wanted = _WORDS_AFTER_NOT, "LIKE, ILIKE or IN after NOT"
    operator = words.get(reader.token.keyword)
    if operator:
        reader.take()
    elif wanted:
        raise reader.unexpected(wanted)
    return operator


def _take_presence(reader: TokenReader) -> Operator:
    operator = Operator.IS_NOT_NULL if reader.take_keyword("NOT") else Operator.IS_NULL
    if not reader.take_keyword("NULL"):
        raise reader.unexpected("NULL or NOT NULL after IS", "tags.note IS NOT NULL")
    return operator


def _take_symbol(reader: TokenReader, field: Field) -> Operator:
    symbol = reader.token
    example = reader.grammar.example_of(field)
    if symbol.kind is not TokenKind.COMPARATOR:
        raise reader.unexpected(f"a comparison operator after {field}", example)
    operator = _SYMBOLS.get(symbol.text)
    if operator is None:
        instead = _INSTEAD.get(symbol.text, f"one of {', '.join(_SYMBOLS)}")
        raise reader.refusal(f"Invalid comparator {shown(symbol.text)}", symbol, instead, example)
    reader.take()
    return operator


def _not_allowed(
    reader: TokenReader, token: Token, field: Field, operator: Operator
) -> FilterError:
    grammar = reader.grammar
    is_text = field.kind is ValueKind.TEXT
    of_mlflow = grammar.dialect is Dialect.MLFLOW and grammar.target is not Target.MODELS
    problem = f"Invalid comparator '{operator}' for {shown(str(field))}"
    if grammar.target is Target.MODELS:
        problem = f"Invalid comparison operator for {shown(str(field))}: '{operator}'"
    if of_mlflow and operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
        keys = "tags and params" if grammar.target is Target.RUNS else "tags"
        problem = f"IS NULL / IS NOT NULL is only supported for {keys}, not for {field}"
    elif of_mlflow and operator is Operator.IN and isinstance(field, Attribute) and is_text:
        name = "run_id" if grammar.target is Target.RUNS else "experiment_id"
        problem = f"Only ['{name}'] attributes support comparison with a list, not {field}"
    return reader.refusal(
        problem,
        token,
        f"one of {', '.join(grammar.operators_of(field))}",
        grammar.example_of(field),
    )
