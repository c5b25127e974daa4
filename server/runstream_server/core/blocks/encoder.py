"""The server's end of the sealing process."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Sequence
from typing import Final, Protocol, Self, cast

from runstream_server.core.blocks.frames import read_frame_async, write_frame_async
from runstream_server.core.blocks.jobs import MergeJob, SealJob, SealResult

__all__ = ["BlockEncoder", "Encoder", "EncoderDied"]

PIPE_BYTES: Final = 1024 * 1024

_log = logging.getLogger(__name__)


class Encoder(Protocol):
    """Does the jobs of sealing."""

    async def run(
        self, job: SealJob | MergeJob, items: Sequence[bytes]
    ) -> tuple[SealResult, list[bytes]]:
        """Does a job."""
        ...


class EncoderDied(Exception):
    """The sealing process ended in the middle of a job. The next job starts another one."""


class BlockEncoder:
    """Encodes blocks in a process of its own, one job at a time.

    Use as an async context manager.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def run(
        self, job: SealJob | MergeJob, items: Sequence[bytes]
    ) -> tuple[SealResult, list[bytes]]:
        """Does a job.

        Raises:
            EncoderDied: if the process died. Nothing is lost: the log still has the rows.
        """
        async with self._lock:
            process = await self._running()
            sink = cast("asyncio.StreamWriter", process.stdin)
            source = cast("asyncio.StreamReader", process.stdout)
            try:
                sending = asyncio.ensure_future(write_frame_async(sink, job, items))
                try:
                    result: tuple[SealResult, list[bytes]] = await read_frame_async(source)
                    await sending
                finally:
                    sending.cancel()
            except (OSError, EOFError) as error:
                await self._stop()
                raise EncoderDied(f"the sealing process ended with {process.returncode}") from error
            except asyncio.CancelledError:
                await self._stop()
                raise
            return result

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "runstream_server.core.blocks.seal_process",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=PIPE_BYTES,
            )  # fmt: skip
            _log.info("sealing_process_started", extra={"pid": self._process.pid})
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
