"""Ids for runs whose maker chose none."""

import secrets
import time

__all__ = ["new_run_id"]


def new_run_id() -> str:
    """Returns a new UUIDv7 as 32 lower-case hexadecimal digits."""
    bits = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    bits = bits & ~(0xF << 76) | 0x7 << 76  # the version
    bits = bits & ~(0x3 << 62) | 0x2 << 62  # the variant
    return f"{bits:032x}"
