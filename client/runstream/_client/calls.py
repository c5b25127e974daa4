"""What a client can execute. Nothing here knows whether it is executed by blocking or awaiting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message

__all__ = ["Collect", "Collector", "Pages", "Unary"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Generic[T]):
    """One request, one answer.

    Attributes:
        method: The RPC: `/package.Service/Method`.
        request: The request.
        answer: The type of the answer.
        convert: Makes the result of an answer.
        repeatable: Whether a repetition after a lost answer does no harm.
    """

    method: str
    request: Message
    answer: type[Message]
    convert: Callable[[Any], T]
    repeatable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages(Generic[T]):
    """Pages of answers, one call each.

    Attributes:
        method: The RPC.
        request: The request for the first page. It has `page_token`, the answer
            `next_page_token`.
        answer: The type of the answer.
        convert: Makes the results of a page.
    """

    method: str
    request: Message
    answer: type[Message]
    convert: Callable[[Any], Sequence[T]]

    def page(self, token: str) -> Unary[tuple[Sequence[T], str]]:
        """Returns the call for the page that a token names; it yields the next page's token too."""
        request = type(self.request)()
        request.CopyFrom(self.request)
        request.page_token = token  # type: ignore[attr-defined]  # every paged request has it
        return Unary(
            method=self.method,
            request=request,
            answer=self.answer,
            convert=lambda answer: (self.convert(answer), answer.next_page_token),
        )


class Collector(Protocol[T_co]):
    """Puts a stream of answers together."""

    def add(self, answer: bytes) -> None:
        """Takes the next answer, encoded."""
        ...

    def result(self) -> T_co:
        """Returns what the answers make, all of which were taken."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect(Generic[T]):
    """One request, a stream of answers that make one result.

    Attributes:
        method: The RPC.
        request: The request.
        collector: Makes what puts the answers together, anew for each attempt.
    """

    method: str
    request: Message
    collector: Callable[[], Collector[T]]
