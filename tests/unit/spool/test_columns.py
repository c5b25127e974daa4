"""Columns assembled by slices equal what a plain decoding of every record gives."""

import random
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.spool.logging_runs import decoded, new_writer, offsets_told, read_all
from tests.unit.spool.naive import read_naively

from runstream._spool import MAX_ROW_POINTS, RowChunk, SpoolWriter, WriterIdentity
from runstream._spool.format import ROW, ROW_STEP
from runstream._spool.stream import SegmentStream

LAYOUTS = [{f"metric{i}": 0.0 for i in range(width)} for width in (1, 2, 3, 4, 5, 10, 16, 17, 100)]


def log_row(writer: SpoolWriter, layout: int) -> None:
    values = {key: random.random() for key in LAYOUTS[layout]}
    writer.log(values, step=random.getrandbits(40), time_us=random.getrandbits(60))


def assert_read_exactly(folder: Path, chunk_bytes: int = 1 << 20) -> None:
    naive = read_naively(folder)
    records = read_all(folder, chunk_bytes=chunk_bytes)
    assert decoded(records) == naive.rows
    for chunk in records:
        if isinstance(chunk, RowChunk):
            rows = list(chunk.rows())
            assert chunk.row_count == len(rows)
            assert chunk.point_count == sum(len(row.values) for row in rows)
            assert chunk.layout == struct.pack(
                f"<{len(rows)}I", *(row.layout.index for row in rows)
            )
            assert set(chunk.layouts) == {row.layout.index for row in rows}
            columns = len(chunk.layout) + len(chunk.step) + len(chunk.time_us) + len(chunk.value)
            assert columns <= chunk_bytes or chunk.row_count == 1


@given(
    runs=st.lists(
        st.tuples(st.integers(0, len(LAYOUTS) - 1), st.sampled_from([1, 1, 2, 3, 8, 20, 70])),
        max_size=20,
    ),
    chunk_bytes=st.sampled_from([100, 1000, 10_000, 1 << 20]),
    segment_bytes=st.sampled_from([1000, 20_000, 1 << 26]),
)
@settings(deadline=None, max_examples=60)
def test_runs_of_rows_of_any_layouts_give_the_same_columns(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[tuple[int, int]],
    chunk_bytes: int,
    segment_bytes: int,
) -> None:
    writer = new_writer(tmp_path_factory.mktemp("spool"), segment_bytes=segment_bytes)
    for layout, count in runs:
        for _ in range(count):
            log_row(writer, layout)

    assert_read_exactly(writer.folder, chunk_bytes)


def test_a_long_run_of_one_layout_gives_the_same_columns(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for _ in range(20_000):
        log_row(writer, 3)

    assert_read_exactly(writer.folder)


def test_alternating_layouts_give_the_same_columns(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for i in range(2_000):
        log_row(writer, i % 3)

    assert_read_exactly(writer.folder)


def test_rows_of_the_same_size_and_another_layout_are_told_apart(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for i in range(2_000):
        writer.log({"train/loss" if i // 100 % 2 else "val/loss": i})

    assert_read_exactly(writer.folder)


def test_the_greatest_rows_come_in_chunks_of_their_own(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for _ in range(2):
        writer.log({f"k{i}": float(i) for i in range(MAX_ROW_POINTS)})

    assert_read_exactly(writer.folder, chunk_bytes=1 << 19)


@pytest.mark.parametrize("rows_before", [2**24 - 50, 2**24, 2**25 - 1, 2**40 - 7])
def test_the_row_bits_of_a_word_may_run_over(tmp_path: Path, rows_before: int) -> None:
    stream = SegmentStream(tmp_path, WriterIdentity(run_id="a" * 32, writer_id="b" * 32))
    # As if so many rows had been logged, delivered and trimmed before.
    stream.row_word = ROW + rows_before * ROW_STEP
    writer = SpoolWriter(stream)

    for i in range(200):
        writer.log({"x": i})

    assert writer.rows == rows_before + 200
    records = read_all(writer.folder, first_row=rows_before)
    assert offsets_told(records) == list(range(rows_before, rows_before + 200))
    assert decoded(records) == read_naively(writer.folder).rows
