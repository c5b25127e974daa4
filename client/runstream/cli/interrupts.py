"""Ctrl-C that is heard wherever it comes."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Generator
from types import FrameType

from runstream.cli.exits import ExitCode

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
    except KeyboardInterrupt:
        # Threads of gRPC may keep the interpreter from ending; nothing here is left to be done.
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os._exit(ExitCode.INTERRUPTED)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGALRM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
    raise KeyboardInterrupt
