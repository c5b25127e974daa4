"""Decides which run is sealed or merged next."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Final, Self

from runstream_server.core.blocks.encoder import BlockEncoder, EncoderDied
from runstream_server.core.clock import now_us
from runstream_server.core.ingest.commit import CommitResult
from runstream_server.core.sealing.agenda import AT_ONCE, Agenda
from runstream_server.core.sealing.seal import BlockMaker, Sealed
from runstream_server.core.signals import RunSignals
from runstream_server.storage import block_rows, log_rows
from runstream_server.storage.block_rows import BlockRow
from runstream_server.storage.database import Database

__all__ = ["SealPolicy", "Sealer"]

MERGED_BLOCKS: Final = 8
"""So many neighbouring blocks of one tier become one of the next; each point is so rewritten a few
times in its life at most.
"""
MAX_BLOCK_POINTS: Final = 4 * 1024 * 1024
TICK_S: Final = 0.5
ADOPTION_AGES: Final = 3
"""A log that is so many times as old as it should become is somebody's who does not seal it."""
FIRST_RETRY_S: Final = 2.0
LAST_RETRY_S: Final = 300.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPolicy:
    """When a run's log is sealed: at this size or age, and when the run ends."""

    size_bytes: int = 8 * 1024 * 1024
    age_s: float = 30.0


@dataclass(slots=True)
class _Unsealed:
    """What is known of a run's unsealed log."""

    bytes: int = 0
    since: float = 0.0
    urgent: bool = False
    not_before: float = 0.0
    failures: int = 0


class Sealer:
    """Seals the logs of runs in the background.

    Use as an async context manager, after the database was prepared.
    """

    def __init__(
        self, database: Database, signals: RunSignals, policy: SealPolicy | None = None
    ) -> None:
        self._database = database
        self._policy = policy or SealPolicy()
        self._encoder = BlockEncoder()
        self.maker = BlockMaker(database, self._encoder)
        self._runs: dict[str, _Unsealed] = {}
        self._agenda = Agenda()
        self._look_at_others_at = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.sealed_points = 0
        self.sealed_bytes = 0
        signals.on_ended(self._ended)

    async def __aenter__(self) -> Self:
        if not self._database.shared:
            await self._take_on_all_since(None)
        self._task = asyncio.create_task(self._seal_forever(), name="sealer")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        async with self._encoder:
            pass

    @property
    def unsealed_bytes(self) -> int:
        """The size of all logs that are yet to be sealed."""
        return sum(run.bytes for run in self._runs.values())

    def committed(self, result: CommitResult, seconds: float) -> None:
        """Takes note of a commit; part of the protocol CommitObserver."""
        del seconds
        for run_id, size in result.bytes.items():
            if not size:
                continue
            run = self._runs.setdefault(run_id, _Unsealed(0, time.monotonic()))
            run.bytes += size
            self._schedule(run_id, run)
            if run.bytes >= self._policy.size_bytes:
                self._wake.set()

    def _ended(self, run_id: str) -> None:
        run = self._runs.get(run_id)
        if run is not None:
            run.urgent = True
            self._schedule(run_id, run)
            self._wake.set()

    def _schedule(self, run_id: str, run: _Unsealed) -> None:
        at_once = run.urgent or run.bytes >= self._policy.size_bytes
        due_at = AT_ONCE if at_once else run.since + self._policy.age_s
        self._agenda.put(run_id, max(due_at, run.not_before))

    def _forget(self, run_id: str) -> None:
        self._runs.pop(run_id, None)
        self._agenda.drop(run_id)

    async def _adopt(self) -> None:
        """Takes on the logs that a server which is no more would have sealed."""
        now = time.monotonic()
        if not self._database.shared or now < self._look_at_others_at:
            return
        self._look_at_others_at = now + self._policy.age_s
        await self._take_on_all_since(now_us() - int(ADOPTION_AGES * self._policy.age_s * 1e6))

    async def _take_on_all_since(self, before_us: int | None) -> None:
        async with self._database.read() as connection:
            unsealed = await log_rows.unsealed_logs(connection, before_us)
        for run_id, size in unsealed:
            if run_id not in self._runs:
                self._runs[run_id] = run = _Unsealed(size, time.monotonic(), urgent=True)
                self._schedule(run_id, run)

    async def _seal_forever(self) -> None:
        while True:
            try:
                await self._adopt()
            except Exception:  # noqa: BLE001 - sealing goes on with what is known
                _log.warning("adoption_failed", exc_info=True)
            run_id = self._agenda.first(time.monotonic())
            if run_id is None:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        await self._wake.wait()
                continue
            await self._attend(run_id)

    async def _attend(self, run_id: str) -> None:
        run = self._runs[run_id]
        try:
            sealed = await self._seal(run_id, run)
            if sealed is not None:
                while await self._merge(run_id):
                    pass
        except EncoderDied as error:
            self._postpone(run_id, run, error)
        except Exception as error:  # noqa: BLE001 - sealing goes on with the other runs
            _log.exception("seal_failed", extra={"run_id": run_id})
            self._postpone(run_id, run, error)

    async def _seal(self, run_id: str, run: _Unsealed) -> Sealed | None:
        before = run.bytes
        began = time.monotonic()
        sealed = await self.maker.seal(run_id)
        if sealed is None:
            # The log is sealed to its end, or another server is at it.
            if run.bytes == before:
                self._forget(run_id)
            return None
        run.failures = 0
        run.bytes = max(0, run.bytes - sealed.bytes_in)
        run.since = began
        if run.bytes:
            self._schedule(run_id, run)
        else:
            self._forget(run_id)
        self.sealed_points += sealed.points
        self.sealed_bytes += sealed.bytes_out
        _log.debug(
            "sealed",
            extra={
                "run_id": run_id,
                "points": sealed.points,
                "bytes": sealed.bytes_out,
                "ms": round((time.monotonic() - began) * 1000, 1),
            },
        )
        return sealed

    async def _merge(self, run_id: str) -> bool:
        async with self._database.read() as connection:
            live = await block_rows.live_blocks(connection, run_id)
        chosen = choose_merge(live)
        if not chosen:
            return False
        merged = await self.maker.merge(run_id, chosen, chosen[0].tier + 1)
        return merged is not None

    def _postpone(self, run_id: str, run: _Unsealed, error: Exception) -> None:
        run.failures += 1
        delay = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (run.failures - 1))
        run.not_before = time.monotonic() + delay
        self._schedule(run_id, run)
        _log.warning(
            "seal_postponed",
            extra={
                "run_id": run_id,
                "failures": run.failures,
                "delay_s": delay,
                "error": str(error),
            },
        )


def choose_merge(live: list[BlockRow]) -> list[BlockRow]:
    """Returns the blocks to merge next, or none.

    They are the oldest of enough neighbours of one tier, as many as fit together.
    """
    neighbours: list[BlockRow] = []
    for block in [*live, None]:
        full = block is None or block.points > MAX_BLOCK_POINTS // 2
        if neighbours and (full or block is None or block.tier != neighbours[0].tier):
            if len(neighbours) >= MERGED_BLOCKS:
                return _that_fit(neighbours[:MERGED_BLOCKS])
            neighbours = []
        if block is not None and not full:
            neighbours.append(block)
    return []


def _that_fit(blocks: list[BlockRow]) -> list[BlockRow]:
    points = 0
    for count, block in enumerate(blocks):
        points += block.points
        if points > MAX_BLOCK_POINTS:
            return blocks[:count]
    return blocks
