"""Parses filters. NOT binds tighter than AND, AND tighter than OR, as in SQL."""

from runstream_server.core.filters.errors import BAD_FILTER, BAD_MODEL_FILTER, FilterError, shown
from runstream_server.core.filters.fields import take_field
from runstream_server.core.filters.grammar import Dialect, Grammar, Target, grammar_of
from runstream_server.core.filters.lexer import TokenKind
from runstream_server.core.filters.literals import take_value
from runstream_server.core.filters.nodes import And, Comparison, Expression, Not, Operator, Or
from runstream_server.core.filters.operators import take_operator
from runstream_server.core.filters.reader import TokenReader

MAX_COMPARISONS = 200
MAX_DEPTH = 50

_PRESENCE = frozenset({Operator.IS_NULL, Operator.IS_NOT_NULL})
_MEMBERSHIP = frozenset({Operator.IN, Operator.NOT_IN})
_FIELDS = frozenset({TokenKind.NAME, TokenKind.STRING})
_NOT_OPERANDS = frozenset(
    {TokenKind.OPEN, TokenKind.CLOSE, TokenKind.COMMA, TokenKind.COMPARATOR, TokenKind.END}
)
_NOT_FIELDS = frozenset({"AND", "OR", "NOT", "IN", "IS", "LIKE", "ILIKE"})


def parse_filter(text: str, target: Target, dialect: Dialect) -> Expression | None:
    """Parse a filter; None means that everything matches.

    The empty text matches everything, in the FULL dialect also a blank one, in MLflow's also one
    of nothing but ANDs. No tree is deeper than `2 * MAX_DEPTH + 3` nodes, whatever the text.

    Raises:
        FilterError: The text is no filter of this dialect for this target, or exceeds a limit:
            `MAX_TEXT_CHARS` characters, `MAX_COMPARISONS` comparisons, `MAX_DEPTH` parentheses
            and NOTs within each other.
    """
    return _Parser(text, grammar_of(dialect, target)).parse()


class _Parser:
    def __init__(self, text: str, grammar: Grammar) -> None:
        self._blame = BAD_MODEL_FILTER if grammar.target is Target.MODELS else BAD_FILTER
        self._reader = TokenReader(text, grammar, blame=self._blame)
        self._is_mlflow = grammar.dialect is Dialect.MLFLOW
        self._depth = 0
        self._comparisons = 0

    def parse(self) -> Expression | None:
        if self._is_mlflow:
            return self._conjunction_of_mlflow()
        if self._reader.next_is(TokenKind.END):
            return None
        expression = self._disjunction()
        if not self._reader.next_is(TokenKind.END):
            raise self._reader.unexpected("AND, OR or the end of the filter")
        return expression

    def _conjunction_of_mlflow(self) -> Expression | None:
        """Parse comparisons with ANDs around them, of which some may be missing or too many."""
        reader = self._reader
        if reader.text and reader.next_is(TokenKind.END):
            raise reader.refusal(
                f"Invalid filter {shown(reader.text)}. Could not be parsed",
                reader.token,
                "a comparison, or no filter at all",
            )
        operands: list[Comparison] = []
        while not reader.next_is(TokenKind.END):
            follows_and = reader.take_keyword("AND")
            if follows_and and (reader.next_is(TokenKind.END) or reader.token.keyword == "AND"):
                continue
            start = reader.token
            if operands and not follows_and and start.kind not in _FIELDS:
                raise reader.unexpected("AND or the end of the filter")
            operands.append(self._comparison())
            if not follows_and and _needs_and(operands):
                raise reader.refusal(
                    f"{self._blame}: unexpected {shown(start.text)}", start, "AND in front of it"
                )
        if len(operands) > 1:
            return And(tuple(operands), position=operands[0].position)
        return operands[0] if operands else None

    def _disjunction(self) -> Expression:
        operands = [self._conjunction()]
        while self._reader.take_keyword("OR"):
            operands.append(self._conjunction())
        if len(operands) == 1:
            return operands[0]
        return Or(tuple(operands), position=operands[0].position)

    def _conjunction(self) -> Expression:
        operands = [self._factor()]
        while self._reader.take_keyword("AND"):
            operands.append(self._factor())
        if len(operands) == 1:
            return operands[0]
        return And(tuple(operands), position=operands[0].position)

    def _factor(self) -> Expression:
        token = self._reader.token
        is_group = token.kind is TokenKind.OPEN
        if not is_group and token.keyword != "NOT":
            return self._comparison()
        if self._depth == MAX_DEPTH:
            raise self._reader.refusal(
                f"{self._blame}: nested too deeply",
                token,
                f"at most {MAX_DEPTH} parentheses and NOTs within each other",
            )
        self._depth += 1
        factor = self._group() if is_group else self._negation()
        self._depth -= 1
        return factor

    def _negation(self) -> Not:
        start = self._reader.take()
        return Not(self._factor(), position=start.position)

    def _group(self) -> Expression:
        start = self._reader.take()
        inner = self._disjunction()
        if not self._reader.next_is(TokenKind.CLOSE):
            raise self._reader.unexpected(
                f"AND, OR or a parenthesis that closes the one at character {start.position + 1}"
            )
        self._reader.take()
        return inner

    def _comparison(self) -> Comparison:
        reader = self._reader
        start = reader.token
        if start.keyword in _NOT_FIELDS or start.kind in _NOT_OPERANDS:
            raise self._no_comparison()
        if self._comparisons == MAX_COMPARISONS:
            raise reader.refusal(
                f"{self._blame}: too many comparisons",
                start,
                f"at most {MAX_COMPARISONS}; IN compares with many values at once",
            )
        self._comparisons += 1
        field = take_field(reader)
        operator = take_operator(reader, field)
        value = take_value(reader, field, operator)
        return Comparison(field, operator, value, position=start.position)

    def _no_comparison(self) -> FilterError:
        token = self._reader.token
        expected = "a comparison"
        if self._is_mlflow and (token.keyword in {"OR", "NOT"} or token.kind is TokenKind.OPEN):
            expected += ": filters over REST know only AND, those over gRPC OR, NOT and parentheses"
        return self._reader.unexpected(expected)


def _needs_and(comparisons: list[Comparison]) -> bool:
    # MLflow takes what precedes such an operator without AND for a piece of its field.
    if len(comparisons) == 1:
        return False
    before, last = comparisons[-2:]
    return before.operator not in _PRESENCE and last.operator in _PRESENCE | _MEMBERSHIP
