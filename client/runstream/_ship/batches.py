"""From the spool's columns to the bytes of StreamMetricsRequest, without touching a value.

The columns of a chunk are the contents of the packed fields of MetricBatch as they stand, so a
message is a few heads and the columns joined.
"""

import struct
from collections.abc import Iterator
from typing import Final

from runstream._ship.definitions import INLINE, News, StreamDefinitions, packed_uint32s
from runstream._spool import RowChunk
from runstream._wire import delimited
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["layout_indices", "messages_of"]

MAX_NEWS_BYTES: Final = 256 * 1024
"""Definitions of more bytes go ahead in messages of their own."""

# Field numbers: of the batch in StreamMetricsRequest, of the columns in MetricBatch.
_BATCH: Final = 2
_LAYOUT: Final = 4
_STEP: Final = 5
_TIME: Final = 6
_VALUE: Final = 7
_INLINE_COUNT: Final = 8
_INLINE_SERIES: Final = 9


def layout_indices(chunk: RowChunk) -> tuple[int, ...]:
    """Returns the spool's layout index of each row of a chunk."""
    return struct.unpack(f"<{chunk.row_count}I", chunk.layout)


def messages_of(chunk: RowChunk, definitions: StreamDefinitions, news: News) -> Iterator[bytes]:
    """Yields the messages that carry a chunk: nearly always one.

    Args:
        chunk: The rows.
        definitions: The stream's, which have learned the chunk's layouts.
        news: What they learned from it.
    """
    head = pb.MetricBatch(offset=chunk.first_row, series=news.series, layouts=news.layouts)
    if news and head.ByteSize() > MAX_NEWS_BYTES:
        yield from _messages_of_news(chunk.first_row, news)
        head = pb.MetricBatch(offset=chunk.first_row)
    columns = _columns(chunk, definitions)
    parts = [head.SerializeToString()]
    for number, column in columns:
        if column:
            parts += [delimited(number, len(column)), column]
    yield _request(parts)


def _request(parts: list[bytes]) -> bytes:
    return b"".join([delimited(_BATCH, sum(map(len, parts))), *parts])


def _messages_of_news(offset: int, news: News) -> Iterator[bytes]:
    """Yields the definitions in order, in batches without rows."""
    batch = pb.MetricBatch(offset=offset)
    size = 0
    definitions: list[pb.SeriesDefinition | pb.LayoutDefinition] = [*news.series, *news.layouts]
    for definition in definitions:
        size += definition.ByteSize()
        if size > MAX_NEWS_BYTES and (batch.series or batch.layouts):
            yield _request([batch.SerializeToString()])
            batch, size = pb.MetricBatch(offset=offset), definition.ByteSize()
        if isinstance(definition, pb.SeriesDefinition):
            batch.series.append(definition)
        else:
            batch.layouts.append(definition)
    yield _request([batch.SerializeToString()])


def _columns(chunk: RowChunk, definitions: StreamDefinitions) -> list[tuple[int, bytes]]:
    layout, inline_count, inline_series = _layout_columns(chunk, definitions)
    return [
        (_LAYOUT, layout),
        (_STEP, chunk.step),
        (_TIME, chunk.time_us),
        (_VALUE, chunk.value),
        (_INLINE_COUNT, inline_count),
        (_INLINE_SERIES, inline_series),
    ]


def _layout_columns(chunk: RowChunk, definitions: StreamDefinitions) -> tuple[bytes, bytes, bytes]:
    indices = {index: definitions.index_of(index) for index in chunk.layouts}
    if all(known == index for index, known in indices.items()):
        return chunk.layout, b"", b""
    if INLINE not in indices.values():
        if len(indices) == 1:
            (known,) = indices.values()
            return packed_uint32s([known]) * chunk.row_count, b"", b""
        rows = layout_indices(chunk)
        return packed_uint32s(map(indices.__getitem__, rows)), b"", b""
    rows = layout_indices(chunk)
    inline = [index for index in rows if indices[index] == INLINE]
    series = {index: definitions.series_of(chunk.layouts[index]) for index in set(inline)}
    if len(inline) > 2 * len(series):
        definitions.inline_repeats += len(inline)
    return (
        packed_uint32s(map(indices.__getitem__, rows)),
        packed_uint32s(len(series[index]) for index in inline),
        b"".join(packed_uint32s(series[index]) for index in inline),
    )
