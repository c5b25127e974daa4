"""What MLflow's API takes at most, and which names it takes.

Over-long values of params and tags of runs are cut, as MLflow's server does; all else that is too
long is refused.
"""

import posixpath
import re
from typing import Final

from runstream_server.gateway.mlflow.errors import MlflowError, invalid_value

__all__ = [
    "MAX_BATCH_ENTITIES",
    "MAX_BATCH_LABELS",
    "MAX_BATCH_METRICS",
    "MAX_EXPERIMENT_NAME_CHARS",
    "MAX_EXPERIMENT_TAG_CHARS",
    "MAX_KEY_CHARS",
    "MAX_PARAM_CHARS",
    "MAX_RESULTS",
    "MAX_TAG_CHARS",
    "check_count",
    "check_key",
    "check_length",
    "check_max_results",
    "cut_param",
    "cut_tag",
    "is_plain_key",
    "parse_experiment_id",
]

MAX_KEY_CHARS: Final = 250
MAX_PARAM_CHARS: Final = 6_000
MAX_TAG_CHARS: Final = 8_000
MAX_EXPERIMENT_NAME_CHARS: Final = 500
MAX_EXPERIMENT_TAG_CHARS: Final = 20_000
MAX_BATCH_METRICS: Final = 1_000
MAX_BATCH_LABELS: Final = 100
MAX_BATCH_ENTITIES: Final = 1_000
MAX_RESULTS: Final = 50_000
MAX_EXPERIMENT_ID: Final = (1 << 63) - 1

_KEY: Final = re.compile(r"[/\w.\- :]*")
_PLAIN_KEY: Final = re.compile(r"\w[\w\- :]*(?:[/.][\w\- :]+)*")
"""Keys that surely keep to the rule, which most do; a request may have a thousand."""


def is_plain_key(key: str) -> bool:
    """Returns whether a key is surely right; others may be right as well, see `check_key`."""
    return len(key) <= MAX_KEY_CHARS and _PLAIN_KEY.fullmatch(key) is not None


def check_key(path: str, key: str, what: str) -> str:
    """Checks the key of a metric, param or tag; `what` names its kind for messages.

    Raises:
        MlflowError: It has other characters, is no normal path, or is too long.
    """
    if is_plain_key(key):
        return key
    if not _KEY.fullmatch(key):
        raise invalid_value(
            path,
            key,
            "Names may only contain letters, digits, underscores (_), dashes (-), periods (.),"
            " spaces ( ), colons (:) and slashes (/)",
        )
    normal = posixpath.normpath(key)
    if normal != key or normal == "." or normal.startswith(("..", "/")):
        raise invalid_value(
            path,
            key,
            f"Names may be treated as files, and as one this name would resolve to {normal!r}; use"
            " a name that resolves to itself, below the folder it is in",
        )
    return check_length(what, key, MAX_KEY_CHARS)


def check_length(what: str, value: str, limit: int) -> str:
    """Checks a text that is not cut.

    Raises:
        MlflowError: It is too long.
    """
    if len(value) > limit:
        raise MlflowError(
            f"'{what}' exceeds the maximum length of {limit} characters: it has {len(value)}."
        )
    return value


def cut_param(value: str) -> str:
    """Returns a param's value as it is stored."""
    return value[:MAX_PARAM_CHARS]


def cut_tag(value: str) -> str:
    """Returns the value of a run's tag as it is stored."""
    return value[:MAX_TAG_CHARS]


def check_count(what: str, count: int, limit: int) -> None:
    """Checks how many things a batch has.

    Raises:
        MlflowError: There are too many.
    """
    if count > limit:
        raise MlflowError(
            f"A batch logging request can contain at most {limit} {what}. Got {count} {what}; send"
            " them in several requests."
        )


def check_max_results(given: int, limit: int = MAX_RESULTS) -> int:
    """Checks how long a page may be.

    Raises:
        MlflowError: It is not from 1 to `limit`.
    """
    if given < 1:
        raise invalid_value("max_results", given, "It must be a positive integer")
    if given > limit:
        raise invalid_value("max_results", given, f"It must be at most {limit}")
    return given


def parse_experiment_id(text: str) -> int:
    """Returns the number that an experiment's id is; -1, which none has, when it is too large.

    Raises:
        MlflowError: It is no integer.
    """
    try:
        number = int(text)
    except ValueError:
        raise MlflowError(
            f"Invalid experiment ID '{text[:100]}'. Experiment ID must be a valid integer."
        ) from None
    return number if 0 <= number <= MAX_EXPERIMENT_ID else -1
