"""Pages of what a search or a list finds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.search.page_tokens import (
    invalid_page_token,
    open_page_token,
    seal_page_token,
)
from runstream_server.core.validation import MAX_INT64, invalid_value
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.search_order import OrderTerm, follows

__all__ = [
    "FIRST_PAGE",
    "MAX_PAGE_BYTES",
    "Page",
    "PageRequest",
    "ViewType",
    "continues",
    "cut",
    "load_within",
    "page_limit",
]

T = TypeVar("T")
K = TypeVar("K")

DEFAULT_PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 10_000
MAX_PAGE_BYTES: Final = MAX_MESSAGE_BYTES - 64 * 1024
"""A page ends early rather than be longer than what gRPC's clients take when nobody told them."""
LOADED_AT_ONCE: Final = 100


class ViewType(IntEnum):
    """Selects by lifecycle stage, with the numbers of the contract's enum."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    @property
    def active(self) -> bool | None:
        """What `active` must be, if it must be anything."""
        return None if self is ViewType.ALL else self is ViewType.ACTIVE_ONLY


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is asked for: how long at most, and where it begins.

    Attributes:
        size: How many items at most; 0 asks for the default.
        token: Where the page before ended; empty for the first page.
        max_bytes: The page ends early rather than be longer, if not None.
        greatest: A page never has more items, whatever `size` is.
    """

    size: int = 0
    token: str = ""
    max_bytes: int | None = MAX_PAGE_BYTES
    greatest: int = MAX_PAGE_SIZE


FIRST_PAGE: Final = PageRequest()


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of what was found; the token continues, and is empty at the end."""

    items: Sequence[T]
    next_page_token: str


def page_limit(page_size: int, greatest: int = MAX_PAGE_SIZE) -> int:
    """Returns how many items a page of this requested size may have; 0 asks for the default.

    Raises:
        Failure: INVALID_VALUE when it is negative.
    """
    if page_size < 0:
        raise invalid_value("page_size", page_size, f"use 1 to {greatest}, or 0 for the default")
    return min(page_size or DEFAULT_PAGE_SIZE, greatest)


def continues(
    question: object, page_token: str, terms: Sequence[OrderTerm]
) -> list[sa.ColumnElement[bool]]:
    """Returns the conditions of a page that begins where the one before ended.

    Raises:
        Failure: INVALID_PAGE_TOKEN.
    """
    if not page_token:
        return []
    values = open_page_token(question, page_token)
    if len(values) != len(terms) or not all(map(_fits, terms, values)):
        raise invalid_page_token()
    return [follows(terms, values)]


def cut(question: object, items: Sequence[T], ends: Sequence[Sequence[Any]]) -> Page[T]:
    """Returns a page of items, which are all or the first of those that end at `ends`."""
    if not items or len(items) == len(ends):
        return Page(items, "")
    return Page(items, seal_page_token(question, ends[len(items) - 1]))


async def load_within(
    keys: Sequence[K],
    load: Callable[[Sequence[K]], Awaitable[Sequence[T]]],
    size_of: Callable[[T], int],
    max_bytes: int | None,
) -> list[T]:
    """Loads things, some at once, until all are loaded or the next would exceed `max_bytes`.

    At least one is returned where there is one.
    """
    if max_bytes is None:
        return [item for some in chunks(keys) for item in await load(some)]
    found: list[T] = []
    size = 0
    for some in chunks(keys, LOADED_AT_ONCE):
        for item in await load(some):
            size += size_of(item)
            if found and size > max_bytes:
                return found
            found.append(item)
    return found


def _fits(term: OrderTerm, value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, int) and not -MAX_INT64 <= value <= MAX_INT64:
        return False
    return isinstance(value, term.types) and not isinstance(value, bool)
