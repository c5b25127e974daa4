"""A place in the tokens of one text, and the wording of what is wrong there."""

from runstream_server.core.filters.errors import FilterError, refusal, shown
from runstream_server.core.filters.grammar import Grammar
from runstream_server.core.filters.lexer import Token, TokenKind, tokenize


class TokenReader:
    """Reads the tokens of one filter or order_by clause from left to right."""

    def __init__(self, text: str, grammar: Grammar, *, blame: str) -> None:
        """Cut the text into tokens; messages about syntax begin with `blame`.

        Raises:
            FilterError: The text cannot be cut into tokens.
        """
        self.text = text
        self.grammar = grammar
        self.blame = blame
        self._tokens = tokenize(text, grammar.dialect, blame)
        self._index = 0

    @property
    def token(self) -> Token:
        """The token that comes next; at the end again and again the one of kind END."""
        return self._tokens[self._index]

    def next_is(self, kind: TokenKind) -> bool:
        """Whether the next token is of this kind."""
        return self.token.kind is kind

    def take(self) -> Token:
        """Step over the next token and return it."""
        token = self.token
        if not self.next_is(TokenKind.END):
            self._index += 1
        return token

    def take_keyword(self, keyword: str) -> bool:
        """Step over the next token if it is this keyword, and say whether it was."""
        if self.token.keyword != keyword:
            return False
        self.take()
        return True

    def unexpected(self, expected: str, example: str = "") -> FilterError:
        """The error for a next token that cannot stand where it does."""
        found = (
            "unexpected end"
            if self.next_is(TokenKind.END)
            else f"unexpected {shown(self.token.text)}"
        )
        return self.refusal(f"{self.blame}: {found}", self.token, expected, example)

    def refusal(self, problem: str, token: Token, expected: str, example: str = "") -> FilterError:
        """The error for `token`; without an example of its own it shows the grammar's."""
        return refusal(
            problem,
            text=self.text,
            position=token.position,
            expected=expected,
            example=example or self.grammar.example,
        )
