"""The operations of one writer: sent one after another, each until it is answered."""

import asyncio
from typing import Final, Protocol

from runstream._ship.backoff import Backoff
from runstream._ship.failures import CallFailed, Fate, Stopped
from runstream._ship.link import Link
from runstream._ship.requests import MalformedOperation, call_of, is_finish
from runstream._ship.waterline import Waterline
from runstream._spool import Operation, WriterIdentity

__all__ = ["RecordsLane", "RecordsOwner"]

MAX_WAITING: Final = 256
"""With so many operations waiting, no more is read from the spool."""


class RecordsOwner(Protocol):
    """Whose operations they are."""

    def trouble(self, failed: CallFailed | None) -> None:
        """Takes note of what keeps operations from being sent; None that nothing does any more."""

    def reject(self, record: Operation, reason: str) -> None:
        """Puts an operation aside that the server refused for good."""


class RecordsLane:
    """Sends one writer's operations.

    Attributes:
        done: Operations before this level are the server's, or were refused.
    """

    def __init__(
        self,
        link: Link,
        identity: WriterIdentity,
        owner: RecordsOwner,
        *,
        done: Waterline,
        rows: Waterline,
        artifacts: Waterline,
    ) -> None:
        self.done = done
        self._link = link
        self._identity = identity
        self._owner = owner
        self._rows = rows
        self._artifacts = artifacts
        self._waiting: asyncio.Queue[tuple[Operation, int] | None] = asyncio.Queue()
        self._backoff = Backoff()

    @property
    def is_full(self) -> bool:
        """Whether no more should be added."""
        return self._waiting.qsize() >= MAX_WAITING

    def add(self, operation: Operation, artifacts_before: int) -> None:
        """Adds the next operation, before which the writer logged so many artifacts."""
        self._waiting.put_nowait((operation, artifacts_before))

    def end(self) -> None:
        """Says that no more come."""
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Sends what is added, until the end.

        Raises:
            Stopped: if the run takes none.
        """
        while (item := await self._waiting.get()) is not None:
            operation, artifacts_before = item
            if is_finish(operation):
                await self._rows.reach(operation.rows_before)
                await self._artifacts.reach(artifacts_before)
            try:
                await self._deliver(operation)
            except MalformedOperation as error:
                self._owner.reject(operation, str(error))
            self.done.rise(operation.number + 1)

    async def _deliver(self, operation: Operation) -> None:
        name, request = call_of(operation, self._identity)
        while True:
            try:
                await self._link.call(name, request)
                self._backoff.reset()
                self._owner.trouble(None)
                return
            except CallFailed as failed:
                if failed.fate is Fate.STOPPED:
                    raise Stopped(failed) from failed
                if failed.fate is Fate.REFUSED:
                    self._take_refusal(operation, failed)
                    return
                self._owner.trouble(failed)
                if not failed.is_lost_connection:
                    await asyncio.sleep(self._backoff.pause_s(failed.retry_delay_s))

    def _take_refusal(self, operation: Operation, failed: CallFailed) -> None:
        # A run that is continued by its id lies where it lies.
        if not (failed.reason == "RUN_EXISTS" and operation.payload.get("existing")):
            self._owner.reject(operation, str(failed))
