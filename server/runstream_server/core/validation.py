"""Rules for what clients send: ids, keys, names, texts, numbers.

The functions return what they were given when it is right, and raise a Failure that names the
field, the value and the remedy when it is not. A text never holds NUL or a lone surrogate:
PostgreSQL and UTF-8 cannot store them.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.limits import (
    MAX_ARTIFACT_LOCATION_LENGTH,
    MAX_EXPERIMENT_NAME_LENGTH,
    MAX_KEY_LENGTH,
    MAX_REQUEST_ENTRIES,
)

__all__ = [
    "check_artifact_location",
    "check_count",
    "check_experiment_name",
    "check_hex_id",
    "check_key",
    "check_labels",
    "check_number",
    "check_storable",
    "check_text",
    "check_time_us",
    "invalid_value",
    "missing_value",
    "parse_experiment_id",
]

MAX_SHOWN_CHARS: Final = 200
MAX_INT64: Final = 2**63 - 1
MAX_TIME_US: Final = 253_402_300_800_000_000 - 1
"""The last microsecond of the year 9999, where google.protobuf.Timestamp ends."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_EXPERIMENT_ID = re.compile(r"0|[1-9][0-9]{0,18}")


def invalid_value(field: str, value: object, remedy: str) -> Failure:
    """Returns the failure of a field that cannot have this value; `remedy` says what to do."""
    shown = repr(value)
    if len(shown) > MAX_SHOWN_CHARS:
        shown = f"{shown[: MAX_SHOWN_CHARS - 1]}…"
    return Failure(
        Reason.INVALID_VALUE, f"{field} cannot be {shown}; {remedy}", field=field, value=value
    )


def missing_value(field: str, remedy: str) -> Failure:
    """Returns the failure of a required field that is not set; `remedy` says what belongs there."""
    return Failure(Reason.MISSING_VALUE, f"{field} is missing; {remedy}", field=field)


def check_hex_id(field: str, value: str) -> str:
    """Checks the id of a run or a writer."""
    if not value:
        raise missing_value(field, "set it to 32 lower-case hexadecimal digits")
    if not _HEX_ID.fullmatch(value):
        raise invalid_value(field, value, "use 32 lower-case hexadecimal digits")
    return value


def parse_experiment_id(field: str, text: str) -> int:
    """Returns the number that an experiment's id is."""
    if not text:
        raise missing_value(field, "set it to the id of an experiment, a decimal integer")
    if not _EXPERIMENT_ID.fullmatch(text) or int(text) > MAX_INT64:
        raise invalid_value(
            field, text, "use the id of an experiment, a decimal integer such as '0'"
        )
    return int(text)


def check_text(field: str, text: str, limit: int) -> str:
    """Checks a text of at most `limit` characters."""
    if len(text) > limit:
        raise Failure(
            Reason.VALUE_TOO_LONG,
            f"{field} has {len(text)} characters; shorten it to at most {limit}",
            field=field,
            length=len(text),
            limit=limit,
        )
    return check_storable(field, text)


def check_storable(field: str, text: str) -> str:
    """Checks a text by which something stored is looked for.

    Nothing stored can be it otherwise, and PostgreSQL cannot even be asked.
    """
    if "\x00" in text:
        raise invalid_value(field, text, "remove the NUL character")
    if not _is_unicode(text):
        raise invalid_value(field, text, "remove the lone surrogates, which UTF-8 cannot express")
    return text


def check_key(field: str, key: str) -> str:
    """Checks the key of a metric, a param or a tag."""
    if 1 <= len(key) <= MAX_KEY_LENGTH and not _CONTROL.search(key) and _is_unicode(key):
        return key
    if not key:
        problem = "is empty"
    elif len(key) > MAX_KEY_LENGTH:
        problem = f"has {len(key)} characters"
    else:
        problem = "holds a control character or a lone surrogate"
    raise Failure(
        Reason.INVALID_KEY,
        f"the key {key[:MAX_KEY_LENGTH]!r} in {field} {problem}; use 1 to {MAX_KEY_LENGTH}"
        " characters, none of them a control character",
        field=field,
        value=key,
    )


def check_labels(field: str, labels: Mapping[str, str], value_limit: int) -> None:
    """Checks params or tags: how many, their keys, their values."""
    check_count(field, labels)
    for key, value in labels.items():
        check_key(field, key)
        check_text(f"{field}[{key!r}]", value, value_limit)


def check_count(field: str, entries: Collection[object], limit: int = MAX_REQUEST_ENTRIES) -> None:
    """Checks that there are not too many entries."""
    if len(entries) > limit:
        raise Failure(
            Reason.TOO_MANY_ENTRIES,
            f"{field} has {len(entries)} entries; send at most {limit} in one request",
            field=field,
            count=len(entries),
            limit=limit,
        )


def check_experiment_name(field: str, name: str) -> str:
    """Checks the name of an experiment."""
    if not name:
        raise missing_value(field, f"set it to 1 to {MAX_EXPERIMENT_NAME_LENGTH} characters")
    check_text(field, name, MAX_EXPERIMENT_NAME_LENGTH)
    if _CONTROL.search(name):
        raise invalid_value(field, name, "remove the control characters")
    return name


def check_artifact_location(field: str, uri: str) -> str:
    """Checks where an experiment keeps its artifacts, if that is not the server's default."""
    check_text(field, uri, MAX_ARTIFACT_LOCATION_LENGTH)
    if _CONTROL.search(uri) or "#" in uri or "?" in uri:
        raise invalid_value(
            field, uri, "use a URI without fragment (#), query (?) and control characters"
        )
    return uri


def check_time_us(field: str, time_us: int) -> int:
    """Checks a time of day, in microseconds since the epoch."""
    if not 0 <= time_us <= MAX_TIME_US:
        raise invalid_value(field, time_us, "use a time from 1970 to the year 9999")
    return time_us


def check_number(field: str, value: int, least: int, greatest: int) -> int:
    """Checks an integer that has bounds, both of which it may reach."""
    if not least <= value <= greatest:
        raise invalid_value(field, value, f"use a number from {least} to {greatest}")
    return value


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
