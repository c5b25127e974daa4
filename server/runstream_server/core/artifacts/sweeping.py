"""Discards uploads that nobody goes on with."""

import asyncio
import contextlib
import logging
from typing import Final, Self

from runstream_server.objects.base import ObjectStore

__all__ = ["Sweeper"]

ABANDONED_AFTER_S: Final = 24 * 3600.0
SWEEP_INTERVAL_S: Final = 3600.0

_log = logging.getLogger(__name__)


class Sweeper:
    """Sweeps once at the start and then every hour, in the background.

    Use as an async context manager.

    Args:
        objects: The store.
        abandoned_after_s: Uploads unchanged for so long are discarded.
        interval_s: How long to wait from one sweep to the next.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        abandoned_after_s: float = ABANDONED_AFTER_S,
        interval_s: float = SWEEP_INTERVAL_S,
    ) -> None:
        self._objects = objects
        self._abandoned_after_s = abandoned_after_s
        self._interval_s = interval_s
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._sweep_forever(), name="upload-sweeper")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _sweep_forever(self) -> None:
        while True:
            try:
                swept = await self._objects.sweep_uploads(self._abandoned_after_s)
            except Exception:  # noqa: BLE001 - the next sweep may succeed
                _log.exception("sweeping_failed")
            else:
                if swept:
                    _log.info("uploads_swept", extra={"count": len(swept), "upload_ids": swept})
            await asyncio.sleep(self._interval_s)
