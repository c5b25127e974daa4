"""Params, tags and inputs in requests of a good size, and one by one where one is refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from runstream.errors import AlreadyExists, InvalidValue

__all__ = ["send_items", "send_pairs"]

T = TypeVar("T")

MAX_ENTRIES: Final = 1_000
MAX_BYTES: Final = 1024 * 1024


def send_items(
    items: Sequence[T],
    size: Callable[[T], int],
    send: Callable[[Sequence[T]], None],
    refused: Callable[[T, str], None],
) -> int:
    """Sends items, together where the server takes them; returns how many it took.

    Args:
        items: What to send.
        size: About how many bytes one takes.
        send: Sends some, all or none.
        refused: Is told which one the server does not take, and why.
    """
    taken = 0
    for some in _batches(items, size):
        try:
            send(some)
            taken += len(some)
        except (InvalidValue, AlreadyExists, ValueError) as error:
            if len(some) == 1:
                refused(some[0], str(error))
            else:
                taken += sum(send_items([one], size, send, refused) for one in some)
    return taken


def send_pairs(
    pairs: Mapping[str, str],
    send: Callable[[dict[str, str]], None],
    refused: Callable[[str, str], None],
) -> int:
    """Sends keys with their values, as `send_items` does."""
    return send_items(
        list(pairs.items()),
        lambda pair: 4 * (len(pair[0]) + len(pair[1])),
        lambda some: send(dict(some)),
        lambda pair, why: refused(pair[0], why),
    )


def _batches(items: Sequence[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    some: list[T] = []
    total = 0
    for item in items:
        total += size(item)
        if some and (total > MAX_BYTES or len(some) == MAX_ENTRIES):
            yield some
            some, total = [], size(item)
        some.append(item)
    if some:
        yield some
