"""Pages of what a search or a list finds."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.search.page_tokens import (
    invalid_page_token,
    open_page_token,
    seal_page_token,
)
from runstream_server.core.validation import MAX_INT64, invalid_value
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.search_order import OrderTerm, follows
from runstream_server.storage.search_pages import PageQuery, PageRow

__all__ = [
    "FIRST_PAGE",
    "MAX_PAGE_BYTES",
    "Page",
    "PageRequest",
    "ViewType",
    "begin_page",
    "cut",
    "load_page",
    "load_within",
    "message_bytes",
    "page_limit",
]

T = TypeVar("T")
K = TypeVar("K")

DEFAULT_PAGE_SIZE: Final = 100
MAX_PAGE_SIZE: Final = 10_000
MAX_PAGE_BYTES: Final = MAX_MESSAGE_BYTES - 64 * 1024
"""A page ends early rather than be longer than what gRPC's clients take when nobody told them."""
LOADED_AT_ONCE: Final = 100
LABEL_BYTES: Final = 16
"""How much a param or tag takes in a message at most beside its texts."""

FindPage = Callable[[AsyncConnection, PageQuery], Awaitable[Sequence[PageRow]]]
"""Runs the query of a page; see storage.search_pages."""


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


def begin_page(query: PageQuery, question: object, page: PageRequest) -> None:
    """Makes a search's query find what a page holds, and one more if there is more.

    Args:
        query: What the search finds, in its order.
        question: The search; a token goes on only with the search that it came from.
        page: Which page.

    Raises:
        Failure: INVALID_VALUE (of the page size) or INVALID_PAGE_TOKEN.
    """
    query.limit = page_limit(page.size, page.greatest) + 1
    query.conditions += _continues(question, page.token, query.terms)


async def load_page(
    connection: AsyncConnection,
    query: PageQuery,
    find: FindPage,
    load: Callable[[Sequence[Any]], Awaitable[Sequence[T]]],
    size_of: Callable[[T], int],
    *,
    max_bytes: int | None,
) -> tuple[list[T], list[Sequence[Any]]]:
    """Finds and loads a page that was begun; returns its items and `ends`, both for `cut`.

    Args:
        connection: Where to read.
        query: What `begin_page` made.
        find: Runs it.
        load: Loads what has some ids.
        size_of: About how many bytes one takes.
        max_bytes: See `load_within`.
    """
    rows = await find(connection, query)
    items = await load_within([row[0] for row in rows[: query.limit - 1]], load, size_of, max_bytes)
    return items, [row[1] for row in rows]


def _continues(
    question: object, page_token: str, terms: Sequence[OrderTerm]
) -> list[sa.ColumnElement[bool]]:
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


def message_bytes(texts: Iterable[str], *labels: Mapping[str, str]) -> int:
    """Returns about how many bytes texts and labels take in a message, rather more than fewer."""
    size = sum(len(text.encode()) for text in texts)
    for each in labels:
        size += LABEL_BYTES * len(each)
        size += sum(len(key.encode()) + len(value.encode()) for key, value in each.items())
    return size


def _fits(term: OrderTerm, value: object) -> bool:
    if value is None:
        return True
    if isinstance(value, int) and not -MAX_INT64 <= value <= MAX_INT64:
        return False
    return isinstance(value, term.types) and not isinstance(value, bool)
