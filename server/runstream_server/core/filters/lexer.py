"""Cuts the text of a filter or an order_by clause into tokens."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from runstream_server.core.filters.errors import refusal, shown
from runstream_server.core.filters.grammar import Dialect

MAX_TEXT_CHARS = 10_000


class TokenKind(Enum):
    """What a token is as far as its characters tell."""

    NAME = auto()
    """A field, a keyword or a bare word: parts joined by dots, each bare or in quotes."""
    STRING = auto()
    """A lone part in single or double quotes; a field's name too, where a field is due."""
    NUMBER = auto()
    COMPARATOR = auto()
    """A run of the characters of comparison operators, right or wrong."""
    OPEN = auto()
    CLOSE = auto()
    COMMA = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a name between dots, unquoted; `quote` is empty when it was bare."""

    text: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is as written, `parts` only of names and strings."""

    kind: TokenKind
    text: str
    position: int
    parts: tuple[Part, ...] = ()

    @property
    def keyword(self) -> str:
        """The word in upper case if this is a lone bare word, else the empty string."""
        is_word = len(self.parts) == 1 and not self.parts[0].quote and self.text.isascii()
        return self.text.upper() if is_word else ""


_SPACE = re.compile(r"\s*")
_WORD = re.compile(r"[^\W\d]\w*")
_KEY = re.compile(r"\w[\w/:@-]*")
_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|(?ai:inf(?:inity)?)(?![\w.]))"
)
_AFTER_NUMBER = re.compile(r"[\w.]+")
_COMPARATOR = re.compile(r"[=!<>~]+")
_PUNCTUATION = {"(": TokenKind.OPEN, ")": TokenKind.CLOSE, ",": TokenKind.COMMA}
# Nothing stored has NUL or a lone surrogate, and PostgreSQL cannot even be asked for them.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_DOUBLING = {
    quote: re.compile(f"{quote}([^{quote}]*(?:{quote}{quote}[^{quote}]*)*){quote}")
    for quote in "'\"`"
}
# MLflow takes what is between the quotes as it stands, and finds the end by these rules.
_VERBATIM = {
    "'": re.compile(r"'((?:''|\\'|[^'])*)'"),
    '"': re.compile(r'"((?:""|\\"|[^"])*)"'),
    "`": re.compile(r"`((?:``|[^`])*)`"),
}


def tokenize(text: str, dialect: Dialect, blame: str) -> tuple[Token, ...]:
    """Cut `text` into tokens, the last of kind END; messages begin with `blame`.

    Raises:
        FilterError: It is too long, has a character that no token starts with or that no text can
            hold, an open quote, a malformed number or a dot without a key.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise refusal(
            f"{blame}: {len(text)} characters",
            text=text,
            position=MAX_TEXT_CHARS,
            expected=f"at most {MAX_TEXT_CHARS} characters",
        )
    if unstorable := _UNSTORABLE.search(text):
        raise refusal(
            f"{blame}: it contains {shown(unstorable.group())}",
            text=text,
            position=unstorable.start(),
            expected="text without NUL characters and lone surrogates",
        )
    return tuple(_Lexer(text, dialect, blame).tokens())


class _Lexer:
    def __init__(self, text: str, dialect: Dialect, blame: str) -> None:
        self._text = text
        self._blame = blame
        self._strings = _DOUBLING if dialect is Dialect.FULL else _VERBATIM
        self._unescape = dialect is Dialect.FULL
        self._position = 0

    def tokens(self) -> Iterator[Token]:
        while (start := self._skip_space()) < len(self._text):
            char = self._text[start]
            if kind := _PUNCTUATION.get(char):
                self._position += 1
                yield Token(kind, char, start)
            elif _COMPARATOR.match(self._text, start):
                yield Token(TokenKind.COMPARATOR, self._take(_COMPARATOR), start)
            elif _NUMBER.match(self._text, start):
                yield self._number(start)
            else:
                yield self._name(start)
        yield Token(TokenKind.END, "", len(self._text))

    def _skip_space(self) -> int:
        self._take(_SPACE)
        return self._position

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._position)
        if match is None:
            return ""
        self._position = match.end()
        return match.group()

    def _number(self, start: int) -> Token:
        number = self._take(_NUMBER)
        if rest := self._take(_AFTER_NUMBER):
            raise refusal(
                f"{self._blame}: {shown(number + rest)} is not a number",
                text=self._text,
                position=start,
                expected="a number such as 3, -0.5 or 1e-3",
            )
        return Token(TokenKind.NUMBER, number, start)

    def _name(self, start: int) -> Token:
        parts = [self._part(_WORD)]
        while self._text.startswith(".", self._position):
            self._position += 1
            parts.append(self._part(_KEY))
        text = self._text[start : self._position]
        is_string = len(parts) == 1 and parts[0].quote in {"'", '"'}
        return Token(TokenKind.STRING if is_string else TokenKind.NAME, text, start, tuple(parts))

    def _part(self, bare: re.Pattern[str]) -> Part:
        quote = self._text[self._position : self._position + 1]
        if quote in self._strings:
            return self._quoted(quote)
        if word := self._take(bare):
            return Part(word)
        if bare is _KEY:
            raise refusal(
                f"{self._blame}: the dot is not followed by a key",
                text=self._text,
                position=self._position,
                expected="a key right behind the dot, in backquotes if it is unusual",
                example="metrics.`my key` > 1",
            )
        raise refusal(
            f"{self._blame}: unexpected {shown(quote)}",
            text=self._text,
            position=self._position,
            expected="a field, a keyword, an operator or a value; keys with unusual characters"
            " and text go in quotes",
            example="metrics.`my key` > 1 AND params.model = 'a.b'",
        )

    def _quoted(self, quote: str) -> Part:
        match = self._strings[quote].match(self._text, self._position)
        if match is None:
            raise refusal(
                f"{self._blame}: the quote {quote} is never closed",
                text=self._text,
                position=self._position,
                expected=f"another {quote} at the end of the quoted text",
            )
        self._position = match.end()
        text = match.group(1)
        return Part(text.replace(quote * 2, quote) if self._unescape else text, quote)
