"""Delivers all writers of one spool, each to its server."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from runstream._ship.link import Link
from runstream._ship.polling import Poller
from runstream._ship.shipment import Shipment
from runstream._ship.status import (
    NOWHERE,
    Position,
    ServerStatus,
    WriterState,
    WriterStatus,
    write_status,
)
from runstream._ship.watch import Discovery
from runstream._spool import WriterIdentity, WriterSpool, remove_abandoned, scan
from runstream._tracking_uri import TrackingUri
from runstream.errors import InvalidValue, SpoolError, UnsupportedSpool

__all__ = ["LINGER_S", "Shipper"]

LINGER_S: Final = 5.0
"""A shipper with nothing to do waits for so long: the next run often follows at once."""
GIVE_UP_S: Final = 3_600.0
"""Without a living writer and without a server, a shipper ends after so long."""
MAX_UPLOADS: Final = 4
LOOK_PAUSE_S: Final = 0.05
LOOK_PAUSE_PER_FOLDER_S: Final = 0.0001
STATUS_PAUSE_S: Final = 0.2
STATUS_PAUSE_PER_WRITER_S: Final = 0.0005
NOTE_PAUSE_S: Final = 5.0
NOTE_PAUSE_PER_WRITER_S: Final = 0.02
TIDY_PAUSE_S: Final = 60.0

logger: Final = logging.getLogger(__name__)


class _Done(Exception):
    """Ends the tasks of a shipper."""


class Shipper:
    """Finds writers, ships what they have, says how it stands, and tidies up.

    Whoever runs one holds the spool's shipper lock.

    Attributes:
        shipments: What is under way, by writer id.
    """

    def __init__(
        self,
        directory: Path,
        *,
        override: TrackingUri | None = None,
        wanted: Mapping[str, Position] | None = None,
        linger_s: float = LINGER_S,
    ) -> None:
        """Prepares to deliver a spool.

        Args:
            directory: The spool.
            override: The server that everything goes to, whatever the segments say.
            wanted: Ends once these writers, by id, are delivered up to these places; None means
                once all writers are, and none lives.
            linger_s: For how long to wait for another writer before it ends.
        """
        self._directory = directory
        self._override = override
        self._wanted = wanted
        self._linger_s = linger_s
        self.shipments: dict[str, Shipment] = {}
        self._others: dict[str, WriterStatus] = {}
        self._links: dict[str, Link] = {}
        self._discovery = Discovery(directory)
        self._begun: list[WriterSpool] = []
        self._poller = Poller()
        self._uploads = asyncio.Semaphore(MAX_UPLOADS)
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._tasks = asyncio.TaskGroup()

    async def run(self) -> None:
        """Delivers; returns when it is done. However it ends, it notes how far it has come."""
        try:
            async with self._tasks as tasks:
                for helper in (self._poller.run, self._report, self._note, self._tidy):
                    tasks.create_task(helper())
                await self._deliver()
                raise _Done
        except* _Done:
            pass
        finally:
            for shipment in self.shipments.values():
                if not shipment.ended:
                    shipment.note()
            self._write_status(pid=0)
            for link in self._links.values():
                await link.close()

    @property
    def known(self) -> set[str]:
        """The ids of all writers that were found."""
        return self._discovery.known

    def status(self) -> tuple[dict[str, ServerStatus], dict[str, WriterStatus]]:
        """Returns how it stands, by tracking URI and by writer id."""
        servers = {
            uri: ServerStatus(state=link.state, error=link.error, http_address=link.http_address)
            for uri, link in self._links.items()
        }
        writers = {name: shipment.status() for name, shipment in self.shipments.items()}
        return servers, self._others | writers

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        busy_at = contact_at = loop.time()
        while True:
            for spool in [*self._discovery.look(), *self._begun]:
                self._begin(spool)
            now = loop.time()
            if self._wanted is not None and self._has_all(self._wanted):
                return
            under_way = [each for each in self.shipments.values() if not each.ended]
            is_busy = bool(under_way or self._begun)
            if is_busy:
                busy_at = now
            if not under_way or any(link.state == "connected" for link in self._links.values()):
                contact_at = now
            if self._wanted is None and not is_busy and now - busy_at >= self._linger_s:
                return
            if now - contact_at >= GIVE_UP_S:
                if not any(each.spool.alive() for each in under_way):
                    logger.warning("gave_up writers=%d: the spool keeps them", len(under_way))
                    return
                contact_at = now
            await asyncio.sleep(max(LOOK_PAUSE_S, self._discovery.cost * LOOK_PAUSE_PER_FOLDER_S))

    def _has_all(self, wanted: Mapping[str, Position]) -> bool:
        for writer, position in wanted.items():
            shipment = self.shipments.get(writer)
            if shipment is not None:
                if not (shipment.ended or _is_enough(shipment, position)):
                    return False
            elif any(spool.writer_id == writer for spool in self._begun):
                return False
        return True

    def _begin(self, spool: WriterSpool) -> None:
        """Begins to ship a writer."""
        if spool in self._begun:
            self._begun.remove(spool)
        if spool.acked().finished:
            return
        try:
            identity = spool.header().identity
            target = self._override or _target(identity)
        except (UnsupportedSpool, InvalidValue) as error:
            self._leave(spool, "unreadable", str(error))
            return
        except SpoolError as error:
            if spool.alive():
                self._begun.append(spool)  # its first bytes are being written
            else:
                self._leave(spool, "unreadable", str(error))
            return
        if target is None or not target.target:
            self._leave(spool, "offline", "")
            return
        shipment = Shipment(
            spool,
            identity,
            self._link(target),
            uploads=self._uploads,
            on_change=self._changed.set,
            is_elsewhere=self._override is not None,
        )
        self.shipments[spool.writer_id] = shipment
        self._poller.add(shipment)
        self._tasks.create_task(self._ship(shipment), name=f"ship {spool.writer_id}")

    def _leave(self, spool: WriterSpool, state: WriterState, error: str) -> None:
        """Takes note of a writer that cannot be shipped."""
        if error:
            logger.error("%s writer=%s error=%s", state, spool.writer_id, error)
        self._others[spool.writer_id] = WriterStatus(
            run_id=spool.run_id,
            server="",
            state=state,
            rows=0,
            records=0,
            artifacts=0,
            read_rows=0,
            read_records=0,
            read_artifacts=0,
            delivered_to=NOWHERE,
            error=error,
        )
        self._changed.set()

    async def _ship(self, shipment: Shipment) -> None:
        await shipment.run()
        self._changed.set()
        self._ended.set()

    def _link(self, uri: TrackingUri) -> Link:
        link = self._links.get(uri.text)
        if link is None:
            link = self._links[uri.text] = Link(uri, self._changed.set)
            self._tasks.create_task(link.run(), name=f"link {uri.text}")
        return link

    async def _report(self) -> None:
        """Keeps the status file up to date: soon after a change, at once after a writer's end."""
        self._write_status(pid=os.getpid())
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._ended.clear()
            self._write_status(pid=os.getpid())
            pause_s = max(STATUS_PAUSE_S, len(self.shipments) * STATUS_PAUSE_PER_WRITER_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._ended.wait()

    def _write_status(self, pid: int) -> None:
        servers, writers = self.status()
        try:
            write_status(self._directory, pid, servers, writers)
        except OSError as error:
            logger.warning("no_status error=%s", error)

    async def _note(self) -> None:
        """Writes down how far each writer has come, for the next shipper."""
        while True:
            await asyncio.sleep(max(NOTE_PAUSE_S, len(self.shipments) * NOTE_PAUSE_PER_WRITER_S))
            for shipment in list(self.shipments.values()):
                if not shipment.ended:
                    shipment.note()
                    await asyncio.sleep(0)

    async def _tidy(self) -> None:
        """Removes what was delivered long ago, and forgets those who have ended."""
        while True:
            try:
                await asyncio.to_thread(_trim, self._directory)
            except (OSError, SpoolError) as error:
                logger.warning("not_tidied error=%s", error)
            await asyncio.sleep(TIDY_PAUSE_S)
            for writer, shipment in list(self.shipments.items()):
                if shipment.state == "delivered" and shipment.spool.acked().finished:
                    del self.shipments[writer]


def _is_enough(shipment: Shipment, wanted: Position) -> bool:
    """Tells whether a shipment that has not ended need not be waited for."""
    if shipment.state in ("stopped", "unreadable"):
        return True
    # That of a dead writer ends at once, and only then is noted as finished.
    return shipment.delivered_to >= wanted and shipment.spool.alive()


def _target(identity: WriterIdentity) -> TrackingUri | None:
    return TrackingUri.parse(identity.server_uri) if identity.server_uri else None


def _trim(directory: Path) -> None:
    for spool in scan(directory):
        spool.trim()
    remove_abandoned(directory)
