"""SIGTERM and SIGINT: the first asks for a stop, the second forces it."""

import asyncio
import logging
import os
import signal
from typing import Final

from runstream_server.exits import ExitCode

__all__ = ["StopSignals"]

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


class StopSignals:
    """Listens from the moment it is made inside a running loop."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.name = ""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._take, number)

    async def wait(self) -> str:
        """Returns the name of the first signal once it came."""
        await self._asked.wait()
        return self.name

    def _take(self, number: signal.Signals) -> None:
        if self._asked.is_set():
            # Whatever was acknowledged is durable, so there is nothing to tidy up.
            _log.warning("stop_forced", extra={"signal": number.name})
            logging.shutdown()
            os._exit(ExitCode.FORCED)
        self.name = number.name
        self._asked.set()
