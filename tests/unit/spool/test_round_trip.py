"""What is logged comes back: every key, step, time and bit."""

import math
import struct
import time
from collections import ChainMap, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from tests.unit.spool.logging_runs import (
    RUN_ID,
    bits,
    decoded,
    from_bits,
    new_writer,
    read_all,
)
from tests.unit.spool.naive import NaiveRow, read_naively

from runstream._spool import MAX_ROW_POINTS, Close, Operation, RowChunk, SpoolWriter, scan

INT64 = st.integers(-(2**63), 2**63 - 1)
ANY_DOUBLE = st.integers(0, 2**64 - 1).map(from_bits)
KEYS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=250)
RANKS = st.none() | st.integers(0, 2**31 - 1)
LOGS = st.tuples(
    st.dictionaries(KEYS, ANY_DOUBLE | st.integers(-(2**53), 2**53), min_size=1, max_size=12),
    INT64,
    st.integers(0, 2**63 - 1),
    RANKS,
)


@given(logs=st.lists(LOGS, max_size=30), repeats=st.integers(1, 5), segment=st.integers(200, 9000))
@settings(deadline=None, max_examples=60)
def test_every_key_step_time_and_bit_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    logs: list[tuple[dict[str, float], int, int, int | None]],
    repeats: int,
    segment: int,
) -> None:
    writer = new_writer(tmp_path_factory.mktemp("spool"), segment_bytes=segment, strict=True)
    expected: list[NaiveRow] = []
    for metrics, step, time_us, rank in logs * repeats:
        writer.log(metrics, step=step, time_us=time_us, rank=rank)
        points = [(key, rank, bits(float(value))) for key, value in metrics.items()]
        expected.append(NaiveRow(len(expected), step, time_us, points))
    writer.close()

    assert read_naively(writer.folder).rows == expected
    assert decoded(read_all(writer.folder)) == expected
    assert decoded(read_all(writer.folder, chunk_bytes=300)) == expected


@pytest.mark.parametrize(
    "number",
    [
        0x7FF8000000000001,
        0xFFF8DEAD00000001,
        0x7FF0000000000001,  # a signalling NaN
        0x7FF4000000000000,
        0x7FF0000000000000,
        0xFFF0000000000000,
        0x8000000000000000,
        0x0000000000000001,
    ],
)
def test_nan_payloads_infinities_and_negative_zero_keep_their_bits(
    tmp_path: Path, number: int
) -> None:
    writer = new_writer(tmp_path)

    writer.log({"first": from_bits(number)})
    writer.log({"first": from_bits(number)})
    writer.log({"first": from_bits(number), "nested": {"x": from_bits(number)}, "bad": "text"})

    rows = decoded(read_all(writer.folder))
    assert {value for row in rows for _, _, value in row.points} == {number}
    assert sum(len(row.points) for row in rows) == 4


class Tensor:
    """Like a 0-d tensor of torch or jax: `__float__` and nothing else."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (7, 7.0),
        (True, 1.0),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.float16(0.1), float(np.float16(0.1))),
        (np.float64(0.1), 0.1),
        (np.int64(-3), -3.0),
        (np.uint8(200), 200.0),
        (np.bool_(True), 1.0),  # noqa: FBT003 - a value
        (np.array(2.5), 2.5),
        (Tensor(1 / 3), 1 / 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_of_any_kind_become_their_exact_double(
    tmp_path: Path,
    value: Any,  # noqa: ANN401 - any is what is tested
    stored: float,
) -> None:
    writer = new_writer(tmp_path, strict=True)

    writer.log({"x": value, "y": value})
    writer.log({"x": value, "y": value})
    writer.log({"deep": {"x": value}})

    rows = decoded(read_all(writer.folder))
    assert [value for row in rows for _, _, value in row.points] == [bits(stored)] * 5


def test_nested_mappings_are_flattened_with_slashes(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, strict=True)

    for _ in range(2):
        writer.log({"loss": 1.0, "val": {"acc": 2.0, "top": {"5": 3.0}}, "empty": {}})

    row = decoded(read_all(writer.folder))[1]
    assert [key for key, _, _ in row.points] == ["loss", "val/acc", "val/top/5"]


def test_without_a_step_comes_the_greatest_so_far_plus_one(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    writer.log({"x": 0})
    writer.log({"x": 0})
    writer.log({"x": 0}, step=10)
    writer.log({"x": 0}, step=5)
    writer.log({"x": 0, "y": 1})
    writer.log({"x": 0}, step=np.int64(20))  # type: ignore[arg-type]  # any integer will do
    writer.log({"x": 0}, step=30.0)  # type: ignore[arg-type]  # and a float that is one
    writer.log({"x": 0})

    assert [row.step for row in decoded(read_all(writer.folder))] == [0, 1, 10, 5, 11, 20, 30, 31]


def test_without_a_time_comes_the_present_in_microseconds(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    before = time.time_ns() // 1000
    writer.log({"x": 0})
    writer.log({"x": 0})

    times = [row.time_us for row in decoded(read_all(writer.folder))]
    assert before <= times[0] <= times[1] <= time.time_ns() // 1000


def test_the_writers_rank_is_the_default_and_none_means_rankless(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, rank=3)

    for _ in range(2):
        writer.log({"x": 1})
        writer.log({"x": 2}, rank=None)
        writer.log({"x": 3}, rank=7)

    ranks = [row.points[0][1] for row in decoded(read_all(writer.folder))]
    assert ranks == [3, None, 7] * 2


def test_an_order_of_keys_of_its_own_gets_the_right_values(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    writer.log({"a": 1, "b": 2})
    writer.log({"b": 20, "a": 10})
    writer.log({"a": 100, "c": 300})

    rows = [sorted(row.points) for row in decoded(read_all(writer.folder))]
    assert rows == [
        [("a", None, bits(1.0)), ("b", None, bits(2.0))],
        [("a", None, bits(10.0)), ("b", None, bits(20.0))],
        [("a", None, bits(100.0)), ("c", None, bits(300.0))],
    ]


def test_mappings_other_than_dicts_are_read_and_not_changed(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.log({"a": 1, "b": 2})
    metrics = defaultdict[str, float](float, {"a": 3.0, "c": 4.0})

    writer.log(metrics)
    writer.log(ChainMap({"a": 5.0}, {"b": 6.0}))

    assert set(metrics) == {"a", "c"}
    assert len(decoded(read_all(writer.folder))) == 3


@pytest.mark.parametrize("points", [MAX_ROW_POINTS + 1, 2 * MAX_ROW_POINTS])
def test_many_points_become_rows_of_the_same_step_and_time(tmp_path: Path, points: int) -> None:
    writer = new_writer(tmp_path, strict=True)
    metrics = {f"k{i}": float(i) for i in range(points)}

    writer.log(metrics, step=4)
    writer.log(metrics, step=5)

    chunks = [record for record in read_all(writer.folder) if isinstance(record, RowChunk)]
    rows = [row for chunk in chunks for row in chunk.rows()]
    assert max(len(row.values) for row in rows) == MAX_ROW_POINTS
    for step in (4, 5):
        parts = [row for row in rows if row.step == step]
        assert len({row.time_us for row in parts}) == 1
        assert [value for row in parts for value in row.values] == list(metrics.values())
        keys = [series.key for row in parts for series in row.layout.series]
        assert keys == list(metrics)


def test_keys_that_change_every_time_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runstream._spool.layouts.MAX_CACHED_LAYOUTS", 10)
    writer = new_writer(tmp_path, strict=True)

    for i in range(200):
        writer.log({f"k{i % 35}": i})

    rows = decoded(read_all(writer.folder))
    assert [row.points for row in rows] == [[(f"k{i % 35}", None, bits(i))] for i in range(200)]


def test_nothing_to_log_is_no_row(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    writer.log({})
    writer.log({"a": {}})
    writer.log({"a": 1})
    writer.log({})

    assert writer.rows == 1
    assert len(decoded(read_all(writer.folder))) == 1


def test_operations_and_rows_keep_their_order(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    assert writer.operation({"op": "create_run", "name": "ünï"}) == 0
    writer.log({"x": 1})
    writer.log({"x": 1})
    assert writer.operation({"op": "set_tags", "tags": {"a": "b"}}) == 1
    writer.log({"x": 1})
    writer.close()

    first, rows, second, last_row, close = read_all(writer.folder)
    assert first == Operation(number=0, payload={"op": "create_run", "name": "ünï"}, rows_before=0)
    assert isinstance(rows, RowChunk)
    assert (rows.first_row, rows.row_count) == (0, 2)
    assert second == Operation(
        number=1, payload={"op": "set_tags", "tags": {"a": "b"}}, rows_before=2
    )
    assert isinstance(last_row, RowChunk)
    assert last_row.first_row == 2
    assert close == Close(row_count=3, operation_count=2, artifact_count=0, rejected={})


def test_a_segment_says_whose_it_is(tmp_path: Path) -> None:
    writer = SpoolWriter.create(
        tmp_path,
        run_id=RUN_ID,
        writer_id="f" * 32,
        rank=5,
        attempt=2,
        experiment="möbius",
        server_uri="grpcs://tracking.example:443",
    )

    (spool,) = scan(tmp_path)
    header = spool.header()
    assert header.identity.run_id == RUN_ID == spool.run_id
    assert header.identity.writer_id == "f" * 32 == spool.writer_id == writer.writer_id
    assert header.identity.rank == 5
    assert header.identity.attempt == 2
    assert header.identity.experiment == "möbius"
    assert header.identity.server_uri == "grpcs://tracking.example:443"
    (naive,) = read_naively(writer.folder).headers
    assert naive["created_us"] == header.created_us
    assert naive["experiment"] == "möbius"


def test_every_segment_can_be_read_by_itself(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, segment_bytes=2000)

    for i in range(300):
        writer.log({"a": i, "b": -i})
        writer.log({"c": i})
        if i % 50 == 0:
            writer.operation({"op": "set_tags", "i": i})
    writer.close()

    naive = read_naively(writer.folder)
    assert len(naive.headers) > 10
    assert [row.offset for row in naive.rows] == list(range(600))
    assert naive.close == (600, 6, 0, {"rejected": {}})
    assert decoded(read_all(writer.folder)) == naive.rows


def test_files_and_folders_are_open_to_their_user_alone(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "spool"
    writer = new_writer(directory)
    writer.artifact(b"x", "x")

    folders = [directory, writer.folder.parent, writer.folder, writer.folder / "artifacts"]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    files = [path for path in writer.folder.rglob("*") if path.is_file()]
    assert len(files) == 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_the_value_column_is_the_packed_values(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for i in range(10):
        writer.log({"a": i, "b": math.pi}, step=i, time_us=i)

    (chunk,) = read_all(writer.folder)

    assert isinstance(chunk, RowChunk)
    assert chunk.value == struct.pack("<20d", *(v for i in range(10) for v in (i, math.pi)))
    assert chunk.step == chunk.time_us == struct.pack("<10q", *range(10))
    assert chunk.layout == bytes(40)
    assert chunk.point_count == 20
