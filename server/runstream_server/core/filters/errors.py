"""The one error of the filter and order_by parsers."""

MAX_SHOWN_CHARS = 60

BAD_FILTER = "Invalid clause(s) in filter string"
"""How messages about a filter's syntax begin."""

BAD_MODEL_FILTER = "Invalid filter string"
"""The same for filters of logged models."""


class FilterError(ValueError):
    """A filter or an order_by clause cannot be used as it was written.

    The caller's text is at fault, never the server: gRPC answers INVALID_ARGUMENT, REST 400.

    Attributes:
        message: For people: the offending token, where it is (characters count from 1), what was
            expected there and an example of a right clause. Its first words are those of MLflow
            where MLflow has words for the same mistake, since programs look for them.
        position: Offset of the offending token in `text`, from 0; `len(text)` when it ended early.
        text: The filter, or the single order_by clause, as it was given.
    """

    def __init__(self, message: str, *, position: int, text: str) -> None:
        """Keep the parts beside the message."""
        super().__init__(message)
        self.message = message
        self.position = position
        self.text = text


def refusal(
    problem: str, *, text: str, position: int, expected: str, example: str = ""
) -> FilterError:
    """Word a `FilterError` in the order a reader needs: what, where, what instead, how."""
    message = f"{problem}, at character {position + 1}: expected {expected}."
    if example:
        message += f" Example: {example}"
    return FilterError(message, position=position, text=text)


def shown(text: str) -> str:
    """Quote a piece of the caller's text for a message: one line, never long."""
    if len(text) > MAX_SHOWN_CHARS:
        text = text[: MAX_SHOWN_CHARS - 3] + "..."
    quote = '"' if "'" in text else "'"
    return quote + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + quote
