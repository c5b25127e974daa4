"""The bytes that are sent are those that the generated messages would be."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from tests.integration.ship.spools import new_writer

from runstream._ship.batches import messages_of
from runstream._ship.cutting import cut, halves
from runstream._ship.definitions import INLINE, StreamDefinitions
from runstream._ship.uploads import chunk_message
from runstream._spool import Layout, RowChunk, Series, SpoolReader
from runstream.v1 import artifact_service_pb2 as artifact_pb, metric_service_pb2 as pb

MANY = 10_000


def chunk_of(layouts: dict[int, Layout], rows: list[int], first_row: int = 7) -> RowChunk:
    """Returns rows of the given layouts whose columns count up."""
    points = sum(len(layouts[index].series) for index in rows)
    count = len(rows)
    return RowChunk(
        first_row=first_row,
        row_count=count,
        point_count=points,
        layout=struct.pack(f"<{count}I", *rows),
        step=struct.pack(f"<{count}q", *range(-1, count - 1)),
        time_us=struct.pack(f"<{count}q", *range(count)),
        value=struct.pack(f"<{points}d", *(point / 4 for point in range(points))),
        layouts={index: layouts[index] for index in set(rows)},
    )


def layout(index: int, *keys: str, rank: int | None = None) -> Layout:
    return Layout(index, tuple(Series(key, rank) for key in keys))


def sent(chunk: RowChunk, definitions: StreamDefinitions) -> list[pb.StreamMetricsRequest]:
    news = definitions.learn(chunk.layouts)
    messages = list(messages_of(chunk, definitions, news))
    parsed = [pb.StreamMetricsRequest.FromString(message) for message in messages]
    assert [one.SerializeToString() for one in parsed] == messages
    return parsed


def test_bytes_equal_those_of_the_generated_message() -> None:
    layouts = {0: layout(0, "loss", "acc"), 1: layout(1, "val/loss", rank=3)}
    chunk = chunk_of(layouts, [0, 1, 0])

    (request,) = sent(chunk, StreamDefinitions(16))

    assert request == pb.StreamMetricsRequest(
        batch=pb.MetricBatch(
            offset=7,
            series=[
                pb.SeriesDefinition(index=0, key="loss"),
                pb.SeriesDefinition(index=1, key="acc"),
                pb.SeriesDefinition(index=2, key="val/loss", rank=3),
            ],
            layouts=[
                pb.LayoutDefinition(index=0, series=[0, 1]),
                pb.LayoutDefinition(index=1, series=[2]),
            ],
            layout=[0, 1, 0],
            step=[-1, 0, 1],
            time_unix_us=[0, 1, 2],
            value=[0.0, 0.25, 0.5, 0.75, 1.0],
        )
    )


def test_the_columns_of_a_real_spool_arrive_bit_for_bit(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, "grpc://nowhere:1", create=False)
    values = [1.5, -0.0, math.inf, -math.inf, struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\x7f")[0]]
    for number in range(2000):
        writer.log({"a": values[number % 5], "b": float(number)}, step=-number, time_us=number)
    writer.close()
    chunks = [one for one in SpoolReader(writer.folder).read() if isinstance(one, RowChunk)]
    definitions = StreamDefinitions(16)

    batches = [one.batch for chunk in chunks for one in sent(chunk, definitions)]

    assert [batch.offset for batch in batches] == [chunk.first_row for chunk in chunks]
    assert [step for batch in batches for step in batch.step] == [-n for n in range(2000)]
    logged = b"".join(struct.pack("<2d", values[n % 5], n) for n in range(2000))
    got = b"".join(struct.pack(f"<{len(b.value)}d", *b.value) for b in batches)
    assert got == logged


def test_definitions_are_sent_once_a_stream() -> None:
    layouts = {0: layout(0, "loss")}
    definitions = StreamDefinitions(16)
    sent(chunk_of(layouts, [0]), definitions)

    (request,) = sent(chunk_of(layouts, [0, 0], first_row=8), definitions)

    assert not request.batch.series
    assert not request.batch.layouts
    assert list(request.batch.layout) == [0, 0]


def test_layouts_get_the_streams_own_numbers() -> None:
    layouts = {5: layout(5, "a"), 9: layout(9, "b")}
    definitions = StreamDefinitions(16)

    (first,) = sent(chunk_of(layouts, [9, 9]), definitions)
    (second,) = sent(chunk_of(layouts, [5, 9], first_row=9), definitions)

    assert list(first.batch.layout) == [0, 0]
    assert list(second.batch.layout) == [1, 0]


def test_the_same_series_under_another_number_is_the_same_layout() -> None:
    definitions = StreamDefinitions(16)
    sent(chunk_of({5: layout(5, "a")}, [5]), definitions)

    (request,) = sent(chunk_of({6000: layout(6000, "a")}, [6000], first_row=8), definitions)

    assert list(request.batch.layout) == [0]
    assert not request.batch.layouts


def test_layouts_beyond_the_limit_go_inline() -> None:
    layouts = {n: layout(n, f"k{n}", "common") for n in range(4)}
    definitions = StreamDefinitions(2)

    (request,) = sent(chunk_of(layouts, [0, 1, 2, 3, 2]), definitions)

    assert list(request.batch.layout) == [0, 1, INLINE, INLINE, INLINE]
    assert list(request.batch.inline_count) == [2, 2, 2]
    names = {one.index: one.key for one in request.batch.series}
    inline = [names[index] for index in request.batch.inline_series]
    assert inline == ["k2", "common", "k3", "common", "k2", "common"]
    assert len(request.batch.layouts) == 2


def test_large_definitions_go_ahead_in_messages_of_their_own() -> None:
    wide = layout(0, *(f"{n:0250d}" for n in range(MANY)))

    requests = sent(chunk_of({0: wide}, [0]), StreamDefinitions(16))

    assert max(one.ByteSize() for one in requests) < 1 << 20
    assert sum(len(one.batch.series) for one in requests) == MANY
    assert [len(one.batch.step) for one in requests[:-1]] == [0] * (len(requests) - 1)
    assert {one.batch.offset for one in requests} == {7}
    assert not requests[-1].batch.series
    assert len(requests[-1].batch.value) == MANY


def test_what_was_refused_is_defined_anew_under_other_numbers() -> None:
    layouts = {0: layout(0, "good"), 1: layout(1, "good", "bad")}
    definitions = StreamDefinitions(16)
    sent(chunk_of({0: layouts[0]}, [0]), definitions)
    news = definitions.learn(layouts)

    definitions.forget(news)
    (request,) = sent(chunk_of(layouts, [0, 1], first_row=8), definitions)

    assert [(one.index, one.key) for one in request.batch.series] == [(2, "bad")]
    assert [(one.index, list(one.series)) for one in request.batch.layouts] == [(2, [0, 2])]
    assert list(request.batch.layout) == [0, 2]


@pytest.mark.parametrize(("first", "count"), [(7, 5), (7, 1), (9, 2), (11, 1), (8, 4)])
def test_a_cut_holds_the_rows_that_it_names(first: int, count: int) -> None:
    layouts = {0: layout(0, "a", "b", "c"), 1: layout(1, "d")}
    chunk = chunk_of(layouts, [0, 1, 1, 0, 1])

    part = cut(chunk, first, count)

    assert list(part.rows()) == list(chunk.rows())[first - 7 : first - 7 + count]
    assert (part.first_row, part.row_count) == (first, count)
    assert part.point_count == sum(len(row.values) for row in part.rows())


def test_halves_hold_everything() -> None:
    chunk = chunk_of({0: layout(0, "a")}, [0] * 5)

    left, right = halves(chunk)

    assert [*left.rows(), *right.rows()] == list(chunk.rows())
    assert right.first_row == left.first_row + left.row_count


@pytest.mark.parametrize("offset", [0, 1, 5 << 30])
@pytest.mark.parametrize("crc32c", [None, 0, 0xFFFFFFFF])
def test_chunks_of_files_equal_the_generated_message(offset: int, crc32c: int | None) -> None:
    data = bytes(range(256)) * 300

    message = chunk_message(offset, data, crc32c)

    chunk = artifact_pb.UploadChunk(offset=offset, data=data, crc32c=crc32c)
    assert message == artifact_pb.UploadArtifactRequest(chunk=chunk).SerializeToString()
