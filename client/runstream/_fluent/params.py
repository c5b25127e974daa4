"""Params and tags: made flat, turned into text, and checked before anything is stored."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar, cast

from runstream.errors import InvalidValue

__all__ = [
    "MAX_ENTRIES",
    "MAX_PARAM_VALUE_LENGTH",
    "MAX_TAG_VALUE_LENGTH",
    "checked_key",
    "checked_text",
    "in_batches",
    "param_texts",
    "tag_texts",
]

# The server's limits, see GetServerInfo.
MAX_KEY_LENGTH: Final = 250
MAX_PARAM_VALUE_LENGTH: Final = 6_000
MAX_TAG_VALUE_LENGTH: Final = 8_000
MAX_ENTRIES: Final = 1_000

_BAD_IN_KEY: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_BAD_IN_TEXT: Final = re.compile("[\x00\ud800-\udfff]")

V = TypeVar("V")


def param_texts(params: Mapping[str, object]) -> dict[str, str]:
    """Returns params as they are stored.

    Args:
        params: Values by key. A mapping among the values adds its keys behind a `/`; any other
            value becomes `str(value)`.

    Raises:
        InvalidValue: for a key or a value that cannot be stored, and for a key that comes twice.
    """
    if not isinstance(params, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        raise InvalidValue(f"params are values by key, not {params!r:.200}")
    texts: dict[str, str] = {}
    for key, value in _leaves(cast("Mapping[object, object]", params), ""):
        checked_key("param", key)
        if key in texts:
            raise InvalidValue(f"the param {key!r} comes twice: rename one of the two")
        texts[key] = checked_text(f"param {key!r}", str(value), MAX_PARAM_VALUE_LENGTH)
    return texts


def tag_texts(tags: Mapping[str, object]) -> dict[str, str]:
    """Returns tags as they are stored: each value as `str(value)`.

    Raises:
        InvalidValue: for a key or a value that cannot be stored.
    """
    if not isinstance(tags, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - callers
        raise InvalidValue(f"tags are values by key, not {tags!r:.200}")
    return {
        checked_key("tag", key): checked_text(f"tag {key!r}", str(value), MAX_TAG_VALUE_LENGTH)
        for key, value in tags.items()
    }


def checked_key(kind: str, key: object) -> str:
    """Returns the key of a `kind` of thing.

    Raises:
        InvalidValue: if it cannot be one.
    """
    if not isinstance(key, str):
        problem = f"is of type {type(key).__name__}: use a str"
    elif not 1 <= len(key) <= MAX_KEY_LENGTH:
        problem = f"has {len(key)} characters: use 1 to {MAX_KEY_LENGTH}"
    elif bad := _BAD_IN_KEY.search(key):
        problem = f"holds the character {bad[0]!r}: leave it out"
    else:
        return key
    raise InvalidValue(
        f"the {kind} key {key!r:.300} {problem}",
        reason="INVALID_KEY",
        metadata={"field": kind, "value": f"{key!r:.300}"},
    )


def checked_text(what: str, text: str, limit: int) -> str:
    """Returns a text of at most `limit` characters.

    Raises:
        InvalidValue: if it is longer, or holds what cannot be stored.
    """
    if len(text) > limit:
        raise InvalidValue(
            f"the {what} has {len(text)} characters: shorten it to {limit}, or log it as a file "
            "with log_text",
            reason="VALUE_TOO_LONG",
            metadata={"field": what, "length": str(len(text)), "limit": str(limit)},
        )
    if bad := _BAD_IN_TEXT.search(text):
        raise InvalidValue(
            f"the {what} holds the character {bad[0]!r}: leave it out",
            reason="INVALID_VALUE",
            metadata={"field": what, "value": ascii(text)[:300]},
        )
    return text


def in_batches(entries: Mapping[str, V]) -> Iterator[dict[str, V]]:
    """Cuts entries into as many as the server takes at once."""
    items = list(entries.items())
    for start in range(0, len(items), MAX_ENTRIES):
        yield dict(items[start : start + MAX_ENTRIES])


def _leaves(params: Mapping[object, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in params.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _leaves(cast("Mapping[object, object]", value), f"{path}/")
        else:
            yield path, value
