"""Places where a test kills the server, to see what a crash there leaves behind.

`RUNSTREAM_TESTING=1 RUNSTREAM_FAILPOINT=name[:n]` ends the process with SIGKILL when it passes the
named place for the n-th time (1 unless given). Without `RUNSTREAM_TESTING=1` the other variable is
ignored. The places are:

==================== ==============================================================================
commit.before        rows are in the open transaction, which has not committed
commit.after         the transaction has committed, no ack has been sent
seal.between_slices  some of the blocks of a seal are stored, and do not count yet
seal.before_move     all blocks of a seal are stored, and do not count yet
seal.after_move      the blocks count, the log rows they replace are still there
object.before_rename an upload is complete and durable, under its temporary name
object.after_rename  an upload has its final name, the database does not know
==================== ==============================================================================
"""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

__all__ = ["NAMES", "armed", "failpoint"]

NAMES: Final = frozenset(
    {
        "commit.before",
        "commit.after",
        "seal.between_slices",
        "seal.before_move",
        "seal.after_move",
        "object.before_rename",
        "object.after_rename",
    }
)


@dataclass(slots=True)
class _Armed:
    name: str
    passes_left: int


def failpoint(name: str) -> None:
    """Marks a place: ends the process here if that was asked for, else costs one comparison."""
    if _ARMED is not None and _ARMED.name == name:
        _ARMED.passes_left -= 1
        if _ARMED.passes_left <= 0:
            _die()


def armed() -> str | None:
    """Names the armed place and its remaining passes as `name:n`; None outside of tests.

    Raises:
        ValueError: There is no place of that name, or the count is not a positive number.
    """
    if _ARMED is None:
        return None
    if _ARMED.name not in NAMES or _ARMED.passes_left < 1:
        given = os.environ.get("RUNSTREAM_FAILPOINT")
        raise ValueError(
            f"RUNSTREAM_FAILPOINT is {given!r}; it must be name[:n], n from 1, "
            f"with one of the names {', '.join(sorted(NAMES))}"
        )
    return f"{_ARMED.name}:{_ARMED.passes_left}"


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    os._exit(1)  # not reached: nothing survives SIGKILL


def _read(environment: Mapping[str, str]) -> _Armed | None:
    text = environment.get("RUNSTREAM_FAILPOINT", "")
    if not text or environment.get("RUNSTREAM_TESTING") != "1":
        return None
    name, _, count = text.partition(":")
    return _Armed(name, int(count) if count.isdigit() else 0 if count else 1)


# Read once at import: a place is passed thousands of times a second.
_ARMED: Final = _read(os.environ)
