"""Reads the literals on the right of an operator, each as its field's kind of value."""

import re

from runstream_server.core.filters.errors import FilterError, shown
from runstream_server.core.filters.grammar import Dialect, Target
from runstream_server.core.filters.lexer import Token, TokenKind
from runstream_server.core.filters.nodes import (
    Attribute,
    Dataset,
    Field,
    Metric,
    Operator,
    Value,
    ValueKind,
)
from runstream_server.core.filters.reader import TokenReader

# Digits that surely fit int64. Longer times are floats: nothing stored is near them.
_MAX_INT64_DIGITS = 18
_INTEGER = re.compile(r"[+-]?[0-9]+")
_EXPERIMENT_ID = re.compile(rf"-?[0-9]{{1,{_MAX_INT64_DIGITS}}}")


def take_value(reader: TokenReader, field: Field, operator: Operator) -> Value:
    """Take what `operator` needs on its right when it compares `field`.

    Raises:
        FilterError: There is nothing, or nothing that this field can be compared with.
    """
    if operator in {Operator.IS_NULL, Operator.IS_NOT_NULL}:
        return None
    if operator in {Operator.IN, Operator.NOT_IN}:
        return _take_list(reader, field, operator)
    if reader.next_is(TokenKind.END):
        raise reader.unexpected(f"a value after {operator}", reader.grammar.example_of(field))
    if field.kind in {ValueKind.NUMBER, ValueKind.TIME_MS}:
        return _take_number(reader, field)
    return _take_string(reader, field)


def _take_number(reader: TokenReader, field: Field) -> float:
    token = reader.take()
    of_mlflow = reader.grammar.dialect is Dialect.MLFLOW
    is_foreign = of_mlflow and (token.text.startswith("+") or "inf" in token.text.lower())
    if token.kind is not TokenKind.NUMBER or is_foreign:
        raise _not_a_number(reader, token, field)
    if field.kind is ValueKind.NUMBER:
        return float(token.text)
    is_integer = _INTEGER.fullmatch(token.text) is not None
    if of_mlflow and reader.grammar.target is Target.EXPERIMENTS and not is_integer:
        raise reader.refusal(
            f"Invalid value for numeric attribute '{field}': {shown(token.text)}",
            token,
            "whole milliseconds",
            reader.grammar.example_of(field),
        )
    fits = is_integer and len(token.text.lstrip("+-")) <= _MAX_INT64_DIGITS
    return int(token.text) if fits else float(token.text)


def _take_string(reader: TokenReader, field: Field) -> str:
    token = reader.take()
    if token.kind is not TokenKind.STRING:
        raise _not_a_string(reader, token, field)
    value = token.parts[0].text
    if field.kind is ValueKind.EXPERIMENT_ID and not _EXPERIMENT_ID.fullmatch(value):
        raise reader.refusal(
            f"Invalid experiment ID {shown(value)}",
            token,
            "a decimal integer in quotes",
            reader.grammar.example_of(field),
        )
    return value


def _take_list(reader: TokenReader, field: Field, operator: Operator) -> tuple[str, ...]:
    example = f"{field} IN ('1', '2')"
    if not reader.next_is(TokenKind.OPEN):
        raise reader.unexpected(f"a list in parentheses after {operator}", example)
    opening = reader.take()
    values: list[str] = []
    while not reader.next_is(TokenKind.CLOSE):
        values.append(_take_string(reader, field))
        if reader.next_is(TokenKind.COMMA):
            reader.take()
        elif not reader.next_is(TokenKind.CLOSE):
            raise reader.unexpected("a comma or the closing parenthesis of the list", example)
    reader.take()
    if not values:
        raise reader.refusal(
            "While parsing a list in the query: it is empty",
            opening,
            "a non-empty list of string values",
            example,
        )
    return tuple(values)


def _not_a_number(reader: TokenReader, token: Token, field: Field) -> FilterError:
    what = "metric" if isinstance(field, Metric) else f"numeric attribute: {field}"
    expected = "a number without quotes"
    if field.kind is ValueKind.TIME_MS:
        expected += ", in milliseconds since the epoch"
    elif token.keyword == "NAN":
        expected += "; a NaN matches `!=` with any number and nothing else"
    return reader.refusal(
        f"Expected numeric value type for {what}. Found {shown(token.text)}",
        token,
        expected,
        reader.grammar.example_of(field),
    )


def _not_a_string(reader: TokenReader, token: Token, field: Field) -> FilterError:
    if token.kind is TokenKind.NAME:
        problem = (
            "Parameter value is either not quoted or unidentified quote types used for string"
            f" value {shown(token.text)}"
        )
    else:
        problem = f"Expected a quoted string value for {_owner(field)}. Got {shown(token.text)}"
    return reader.refusal(
        problem,
        token,
        "text in single or double quotes",
        reader.grammar.example_of(field),
    )


def _owner(field: Field) -> str:
    if isinstance(field, Attribute):
        return "attributes"
    if isinstance(field, Dataset):
        return "dataset"
    return type(field).__name__.lower()
