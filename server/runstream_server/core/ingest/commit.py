"""One group commit: the rows of many streams, in one transaction."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.ingest.names import NameCache, NameResolver, layout_lookup
from runstream_server.core.ingest.rows import StreamRows
from runstream_server.core.ingest.stream import PendingSkip, WriterStream
from runstream_server.core.logformat import INLINE, LogRows, UInt32s
from runstream_server.core.model_points import require_models
from runstream_server.storage import log_rows, model_rows
from runstream_server.storage.log_rows import NewBatch, Skip
from runstream_server.storage.model_rows import ModelPoint
from runstream_server.storage.name_rows import SeriesName

__all__ = [
    "CommitResult",
    "LoosePoints",
    "StreamShare",
    "commit_group",
    "merge_lookup",
    "why_not_writable",
]

MAX_BATCH_BYTES: Final = 1024 * 1024
"""Rows of one writer that are committed together become batches of about this size."""

RUN_WRITER: Final = ""
"""The writer of points that come without a stream."""


@dataclass(slots=True, kw_only=True)
class StreamShare:
    """What one stream contributes to a commit: all from `first` up to, not including, `end`."""

    stream: WriterStream
    items: Sequence[StreamRows | PendingSkip]
    failure: Failure | None = None
    lookup: dict[int, int] = field(default_factory=dict[int, int])

    @property
    def first(self) -> int:
        return self.items[0].offset

    @property
    def end(self) -> int:
        return self.items[-1].end


@dataclass(slots=True, kw_only=True)
class LoosePoints:
    """Rows without a stream, whose series are all inline, as indices into `series`.

    Those that are about logged models are kept with these as well, as `of_models`.
    """

    run_id: str
    series: Sequence[SeriesName]
    rows: LogRows
    of_models: Sequence[ModelPoint] = ()
    failure: Failure | None = None


@dataclass(slots=True, kw_only=True)
class CommitResult:
    """What a commit has done."""

    positions: dict[str, int] = field(default_factory=dict[str, int])
    """The position after the run's last batch, for each run that got one."""
    bytes: dict[str, int] = field(default_factory=dict[str, int])
    rows: int = 0
    points: int = 0
    resolvers: list[NameResolver] = field(default_factory=list[NameResolver])


Share = StreamShare | LoosePoints


def _run_of(share: Share) -> str:
    return share.stream.run_id if isinstance(share, StreamShare) else share.run_id


async def commit_group(
    connection: AsyncConnection, shares: Sequence[Share], cache: NameCache
) -> CommitResult:
    """Appends shares to the logs of their runs; sets `failure` on each share that cannot be.

    Heads are locked in the order of run ids, so that commits of several servers cannot wait for
    each other in a circle.
    """
    result = CommitResult()
    for run_id, group in groupby(sorted(shares, key=_run_of), key=_run_of):
        await _commit_run(connection, run_id, list(group), cache, result)
    return result


async def _commit_run(
    connection: AsyncConnection,
    run_id: str,
    shares: list[Share],
    cache: NameCache,
    result: CommitResult,
) -> None:
    head = await log_rows.advance_head(connection, run_id, 0)
    if head is None:
        failure = await why_not_writable(connection, run_id)
        for share in shares:
            share.failure = failure
        return
    await _fence(connection, run_id, shares)
    resolver = NameResolver(connection, head, cache)
    batches: list[NewBatch] = []
    for share in shares:
        if share.failure is None:
            try:
                of_models = share.of_models if isinstance(share, LoosePoints) else ()
                await require_models(connection, {point.model_id for point in of_models})
                batches.extend(await _batches_of(share, resolver, run_id))
                await model_rows.insert_points(connection, of_models)
            except Failure as failure:
                share.failure = failure
    numbered = [replace(b, position=head.next_position + i) for i, b in enumerate(batches)]
    accepted = [s for s in shares if isinstance(s, StreamShare) and s.failure is None]
    await log_rows.insert_batches(connection, numbered)
    await log_rows.insert_skips(connection, _skips_of(run_id, accepted))
    await log_rows.advance_writers(
        connection, run_id, {share.stream.writer_id: share.end for share in accepted}
    )
    if resolver.head != head:
        await log_rows.set_next_ids(connection, resolver.head)
    if numbered:
        newest_us = numbered[-1].commit_time_us
        await log_rows.advance_head(connection, run_id, len(numbered), newest_us)
    result.positions[run_id] = head.next_position + len(numbered)
    result.bytes[run_id] = sum(len(batch.data) for batch in numbered)
    result.rows += sum(batch.rows for batch in numbered)
    result.points += sum(batch.points for batch in numbered)
    result.resolvers.append(resolver)


async def why_not_writable(connection: AsyncConnection, run_id: str) -> Failure:
    """Returns what is to be said of a run that takes no points: it is deleted, or there is none."""
    if await log_rows.read_head(connection, run_id) is None:
        return Failure(
            Reason.RUN_NOT_FOUND, f"there is no run {run_id}; create it first", run_id=run_id
        )
    return Failure(
        Reason.RUN_DELETED, f"run {run_id} is deleted; restore it to log to it", run_id=run_id
    )


async def _fence(connection: AsyncConnection, run_id: str, shares: Iterable[Share]) -> None:
    # The head is locked and every advance of a writer needs that lock, so what is read here cannot
    # change before the commit.
    streams = [share for share in shares if isinstance(share, StreamShare)]
    ids = [share.stream.writer_id for share in streams]
    offsets = await log_rows.writer_offsets(connection, run_id, ids)
    for share in streams:
        writer = share.stream.writer_id
        if offsets.get(writer) == share.first:
            offsets[writer] = share.end
            continue
        share.failure = Failure(
            Reason.WRITER_MOVED,
            f"writer {writer} is at row {offsets.get(writer)}, this stream at {share.first}: "
            "another stream of the writer has committed; open a new stream and go on from "
            "the offset it names",
            writer_id=writer,
        )


def _skips_of(run_id: str, shares: Iterable[StreamShare]) -> list[Skip]:
    now = now_us()
    return [
        Skip(run_id, share.stream.writer_id, item.offset, item.end - item.offset, item.reason, now)
        for share in shares
        for item in share.items
        if isinstance(item, PendingSkip)
    ]


async def _batches_of(share: Share, resolver: NameResolver, run_id: str) -> list[NewBatch]:
    now = now_us()
    if isinstance(share, LoosePoints):
        ids = await resolver.series_ids(share.series)
        table = np.array([ids[name] for name in share.series], np.uint32)
        rows = replace(share.rows, inline_series=table[share.rows.inline_series])
        return [_new_batch(run_id, RUN_WRITER, 0, rows, now)]
    table, lookup = await _layout_table(share, resolver)
    batches: list[NewBatch] = []
    for piece in _pieces(share.items):
        inline = await _inline_ids(share.stream, piece, resolver)
        rows = _joined(piece, table, inline)
        batches.append(_new_batch(run_id, share.stream.writer_id, piece[0].offset, rows, now))
    share.lookup = lookup
    return batches


def _new_batch(run_id: str, writer_id: str, first_row: int, rows: LogRows, now: int) -> NewBatch:
    return NewBatch(
        run_id=run_id, position=0, writer_id=writer_id, first_row=first_row, rows=len(rows.step),
        points=len(rows.value), commit_time_us=now, data=rows.encode(),
    )  # fmt: skip


def _pieces(items: Iterable[StreamRows | PendingSkip]) -> list[list[StreamRows]]:
    pieces: list[list[StreamRows]] = []
    size = MAX_BATCH_BYTES
    for item in _of_size(items):
        if isinstance(item, PendingSkip):
            size = MAX_BATCH_BYTES
            continue
        if size + item.size_bytes > MAX_BATCH_BYTES:
            pieces.append([])
            size = 0
        pieces[-1].append(item)
        size += item.size_bytes
    return pieces


def _of_size(items: Iterable[StreamRows | PendingSkip]) -> Iterator[StreamRows | PendingSkip]:
    """Yields what is to be committed, large messages in pieces."""
    for item in items:
        if isinstance(item, PendingSkip) or item.size_bytes <= MAX_BATCH_BYTES:
            yield item
            continue
        rest = item
        while len(rest.step):
            ends = np.cumsum(rest.row_width * 8 + 20)
            rows = max(1, int(np.searchsorted(ends, MAX_BATCH_BYTES, side="right")))
            yield rest.first(rows)
            rest = rest.without_first(rows)


async def _layout_table(
    share: StreamShare, resolver: NameResolver
) -> tuple[UInt32s, dict[int, int]]:
    """Returns the map from the stream's layouts to the run's, and the part of it that is new."""
    stream = share.stream
    used: set[int] = set()
    for item in share.items:
        if isinstance(item, StreamRows):
            used.update(_distinct(item.layout))
    used.discard(INLINE)
    new = sorted(used - stream.resolved)
    if not new:
        return stream.layout_ids, {}
    layouts = [stream.definitions.layouts[index] for index in new]
    wanted = {index for layout in layouts for index in layout.tolist()}
    ids = await _series_table(stream, wanted, resolver)
    layout_ids = await resolver.layout_ids(ids[layout] for layout in layouts)
    lookup = dict(zip(new, layout_ids, strict=True))
    return merge_lookup(stream.layout_ids, lookup), lookup


def _distinct(layout: UInt32s) -> list[int]:
    if len(layout) and (layout == layout[0]).all():
        return [int(layout[0])]
    return [int(index) for index in np.unique(layout)]


def merge_lookup(table: UInt32s, new: dict[int, int]) -> UInt32s:
    """Returns the lookup table with new entries."""
    added = layout_lookup(new)
    merged = np.zeros(max(len(table), len(added)), np.uint32)
    merged[: len(table)] = table
    merged[list(new)] = added[list(new)]
    return merged


async def _series_table(
    stream: WriterStream, indices: Iterable[int], resolver: NameResolver
) -> UInt32s:
    defined = stream.definitions.series
    names = {i: SeriesName(defined[i][0], defined[i][1], stream.attempt) for i in indices}
    ids = await resolver.series_ids(list(dict.fromkeys(names.values())))
    return layout_lookup({index: ids[name] for index, name in names.items()})


async def _inline_ids(
    stream: WriterStream, piece: Sequence[StreamRows], resolver: NameResolver
) -> UInt32s:
    inline = np.concatenate([rows.inline_series for rows in piece])
    if not len(inline):
        return inline
    table = await _series_table(stream, np.unique(inline).tolist(), resolver)
    ids: UInt32s = table[inline]
    return ids


def _joined(piece: Sequence[StreamRows], table: UInt32s, inline: UInt32s) -> LogRows:
    layout = np.concatenate([rows.layout for rows in piece])
    is_inline = layout == INLINE
    if is_inline.any():
        mapped = np.where(
            is_inline, INLINE, table[np.where(is_inline, 0, layout)] if len(table) else 0
        )
    else:
        mapped = table[layout]
    return LogRows(
        step=np.concatenate([rows.step for rows in piece]),
        time=np.concatenate([rows.time for rows in piece]),
        value=np.concatenate([rows.value for rows in piece]),
        layout=mapped.astype(np.uint32, copy=False),
        inline_count=np.concatenate([rows.inline_count for rows in piece]),
        inline_series=inline,
    )
