"""Ids of runs: made here, so that a run can begin without a server."""

import hashlib
import json
import os
import time
from typing import Final

from runstream.errors import InvalidValue

__all__ = ["checked_run_id", "job_run_id", "new_run_id"]

_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_RUN_ID_LENGTH: Final = 32


def new_run_id() -> str:
    """Returns a new UUIDv7 (RFC 9562) as 32 hexadecimal digits: it sorts by its time."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    version_and_random = 0x7000 | random >> 68
    variant_and_random = 0x8000_0000_0000_0000 | random & 0x3FFF_FFFF_FFFF_FFFF
    number = milliseconds << 80 | version_and_random << 64 | variant_and_random
    return f"{number:032x}"


def job_run_id(job_key: str, experiment: str, run_name: str, count: int) -> str:
    """Returns the id on which all ranks of a job agree without talking.

    Args:
        job_key: What all processes of the job have in common, and no other job has.
        experiment: The experiment's name.
        run_name: The run's name, empty when it has none.
        count: How many runs of this job, experiment and name the process has started before.
    """
    parts = json.dumps(["runstream", job_key, experiment, run_name, count])
    return hashlib.sha256(parts.encode()).hexdigest()[:_RUN_ID_LENGTH]


def checked_run_id(text: str) -> str:
    """Returns a run id as it is stored: UUIDs with hyphens and capitals are taken too.

    Raises:
        InvalidValue: if it is none.
    """
    digits = text.replace("-", "").lower()
    if len(digits) != _RUN_ID_LENGTH or not _HEX_DIGITS.issuperset(digits):
        raise InvalidValue(
            f"the run id {text!r} is not 32 hexadecimal digits: use one that start_run made, "
            "or uuid.uuid4().hex",
            metadata={"field": "run_id", "value": text},
        )
    return digits
