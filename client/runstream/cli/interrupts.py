"""Ctrl-C that is heard wherever it comes."""

import contextlib
import signal
import threading
from collections.abc import Generator
from types import FrameType

__all__ = ["heard_interrupts"]

AGAIN_S = 0.5


@contextlib.contextmanager
def heard_interrupts() -> Generator[None]:
    """Lets Ctrl-C end the block for certain.

    Python swallows a KeyboardInterrupt that happens to be raised in a destructor or in a callback
    of gRPC; so it is raised again until the block has ended.
    """
    plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not plain or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGALRM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    raise KeyboardInterrupt
