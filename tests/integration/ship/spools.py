"""Spools as training processes leave them."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from runstream._ship.shipper import Shipper
from runstream._spool import SpoolWriter
from runstream._spool.entries import RowsEntry
from runstream._spool.layouts import RowLayout

__all__ = ["log_numbered", "log_unchecked", "new_writer", "ship"]

TIMEOUT_S = 30.0


def new_writer(
    directory: Path,
    uri: str,
    *,
    run_id: str | None = None,
    writer_id: str | None = None,
    rank: int | None = None,
    create: bool = True,
    segment_bytes: int = 64 << 20,
) -> SpoolWriter:
    """Returns a writer that has said to create its run."""
    writer = SpoolWriter.create(
        directory,
        run_id=run_id or uuid.uuid4().hex,
        writer_id=writer_id,
        rank=rank,
        experiment="ships",
        server_uri=uri,
        segment_bytes=segment_bytes,
    )
    if create:
        writer.operation({"op": "create_run", "name": "voyage"})
    return writer


def log_numbered(writer: SpoolWriter, count: int, first: int = 0) -> None:
    """Logs rows whose values tell their numbers."""
    for number in range(first, first + count):
        writer.log({"loss": float(number), "half": number / 2}, step=number, time_us=number)


def log_unchecked(writer: SpoolWriter, keys: tuple[str, ...], *, step: int, time_us: int) -> None:
    """Logs a row that SpoolWriter would not let through."""
    stream = writer._stream  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    layouts = writer._layouts  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    found = layouts.of_rank(None).get(keys)
    layout: RowLayout = found if found is not None else layouts.add(None, keys)
    values = layout.pack(*(float(step) for _ in keys))
    if not stream.append_row(layout, values, step, time_us):
        stream.append(RowsEntry([(layout, values)], step, time_us))


async def ship(directory: Path, timeout_s: float = TIMEOUT_S) -> Shipper:
    """Ships a spool whose writers are closed, to the end."""
    shipper = Shipper(directory, linger_s=0.0)
    async with asyncio.timeout(timeout_s):
        await shipper.run()
    return shipper
