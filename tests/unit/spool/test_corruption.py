"""Whatever happens to a segment's bytes, no wrong row comes out, and every offset is told of."""

import random
import struct
from pathlib import Path

import pytest
from tests.unit.spool.logging_runs import decoded, new_writer, offsets_told, read_all
from tests.unit.spool.naive import NaiveRow, header_of, read_naively

from runstream._spool import CorruptRows, Operation, SpoolReader
from runstream._spool.format import framed, word_for
from runstream.errors import SpoolError, UnsupportedSpool


def dead_spool(tmp_path: Path, rows: int = 12, segment_bytes: int = 1 << 26) -> Path:
    """Returns the folder of a writer that died after some rows and operations."""
    writer = new_writer(tmp_path, segment_bytes=segment_bytes)
    for i in range(rows):
        writer.log({"a": i, "b": i * 0.5} if i % 3 else {"c": i})
        if i % 5 == 4:
            writer.operation({"op": "set_tags", "tags": {"i": str(i)}})
    return writer.folder


def test_a_file_cut_at_any_byte_keeps_the_whole_records_before(tmp_path: Path) -> None:
    folder = dead_spool(tmp_path)
    path = folder / "00000000.seg"
    data = path.read_bytes()
    whole = read_naively(folder).rows
    _, header_bytes = header_of(data)

    for size in range(header_bytes, len(data)):
        path.write_bytes(data[:size])
        records = read_all(folder)
        assert not any(isinstance(record, CorruptRows) for record in records)
        rows = decoded(records)
        assert rows == whole[: len(rows)]
        assert rows == read_naively(folder).rows
        path.write_bytes(data)


def test_a_file_cut_within_its_header_is_empty(tmp_path: Path) -> None:
    folder = dead_spool(tmp_path)
    path = folder / "00000000.seg"
    data = path.read_bytes()
    _, header_bytes = header_of(data)

    for size in range(header_bytes):
        path.write_bytes(data[:size])
        reader = SpoolReader(folder)
        assert list(reader.read()) == []
        assert reader.finished


def damaged(data: bytes, place: int, flips: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= flips
    return bytes(changed)


def assert_told(folder: Path, whole: list[NaiveRow], *, rows_known: bool) -> None:
    records = read_all(folder)
    rows = decoded(records)
    assert [whole[row.offset] for row in rows] == rows, "a wrong row"
    told = offsets_told(records)
    assert told == list(range(len(told)))
    if rows_known:
        assert len(told) == len(whole)


@pytest.mark.parametrize("flips", [0x01, 0x80, 0xFF])
def test_any_damaged_byte_costs_its_record_alone(tmp_path: Path, flips: int) -> None:
    folder = dead_spool(tmp_path)
    path = folder / "00000000.seg"
    data = path.read_bytes()
    whole = read_naively(folder).rows
    _, header_bytes = header_of(data)
    last_record = len(data) - 60

    for place in range(header_bytes, len(data)):
        path.write_bytes(damaged(data, place, flips))
        # What is lost at the very end leaves nothing that could tell how much it was.
        assert_told(folder, whole, rows_known=place < last_record)
    path.write_bytes(data)


def test_a_damaged_row_loses_only_itself(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for i in range(100):
        writer.log({"a": i})
    path = writer.folder / "00000000.seg"
    data = path.read_bytes()
    whole = read_naively(writer.folder).rows
    path.write_bytes(damaged(data, len(data) - 50 * 40 + 20, 0xFF))

    records = read_all(writer.folder)

    (lost,) = [record for record in records if isinstance(record, CorruptRows)]
    assert (lost.first_row, lost.row_count) == (50, 1)
    assert "segment 0" in lost.reason
    assert decoded(records) == whole[:50] + whole[51:]


def test_a_damaged_definition_loses_the_rows_of_its_layout_alone(tmp_path: Path) -> None:
    folder = dead_spool(tmp_path, rows=60)
    path = folder / "00000000.seg"
    data = path.read_bytes()
    whole = read_naively(folder).rows
    _, header_bytes = header_of(data)
    path.write_bytes(damaged(data, header_bytes + 16, 0xFF))

    records = read_all(folder)

    assert offsets_told(records) == list(range(60))
    assert decoded(records) == [row for row in whole if row.offset % 3]


@pytest.mark.parametrize("seed", range(40))
def test_damaged_regions_of_any_size_leave_the_rest_readable(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    folder = dead_spool(tmp_path, rows=400, segment_bytes=rng.choice([2_000, 1 << 26]))
    whole = read_naively(folder).rows
    path = rng.choice(sorted(folder.glob("*.seg")))
    data = bytearray(path.read_bytes())
    place = rng.randrange(header_of(bytes(data))[1], len(data))
    size = rng.choice([1, 8, 100, 1000, 5000])
    filler = rng.choice([b"\x00", b"\xff", None])
    region = len(data[place : place + size])
    data[place : place + size] = filler * region if filler else rng.randbytes(region)
    path.write_bytes(data)

    is_last = path == max(folder.glob("*.seg"))
    assert_told(folder, whole, rows_known=not is_last or place + size < len(data) - 100)


@pytest.mark.parametrize("zeros", [1, 8, 64, 4096, 100_000])
def test_zeros_at_the_end_are_no_records(tmp_path: Path, zeros: int) -> None:
    folder = dead_spool(tmp_path)
    path = folder / "00000000.seg"
    whole = read_naively(folder).rows
    path.write_bytes(path.read_bytes() + bytes(zeros))

    records = read_all(folder)

    assert decoded(records) == whole
    assert offsets_told(records) == list(range(len(whole)))


def test_a_damaged_header_loses_its_segment_alone(tmp_path: Path) -> None:
    folder = dead_spool(tmp_path, rows=300, segment_bytes=2_000)
    whole = read_naively(folder).rows
    path = folder / "00000002.seg"
    path.write_bytes(damaged(path.read_bytes(), 30, 0x01))

    records = read_all(folder)

    assert offsets_told(records) == list(range(300))
    lost = [record for record in records if isinstance(record, CorruptRows)]
    assert len(lost) == 1
    gone = range(lost[0].first_row, lost[0].first_row + lost[0].row_count)
    assert decoded(records) == [row for row in whole if row.offset not in gone]


def test_a_record_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.log({"a": 1})
    path = writer.folder / "00000000.seg"
    before = path.read_bytes()
    writer.log({"a": 2})
    after = path.read_bytes()
    reader = SpoolReader(writer.folder)

    for size in range(len(before), len(after)):
        path.write_bytes(after[:size])
        rows = decoded(reader.read())
        assert [row.offset for row in rows] == ([0] if size == len(before) else [])
    path.write_bytes(after)

    assert [row.offset for row in decoded(reader.read())] == [1]


def test_damage_before_a_living_writers_last_record_does_not_stop_the_reader(
    tmp_path: Path,
) -> None:
    writer = new_writer(tmp_path)
    writer.log({"a": 1})
    path = writer.folder / "00000000.seg"
    size = path.stat().st_size
    writer.log({"a": 2})
    with path.open("r+b") as file:
        file.seek(size)
        file.write(struct.pack("<I", 1_000_000))  # as if a very long record began there
    reader = SpoolReader(writer.folder)
    assert offsets_told(reader.read()) == [0]

    writer.log({"a": 3})

    records = list(reader.read())
    assert offsets_told(records) == [1, 2]
    assert [row.offset for row in decoded(records)] == [2]


def test_an_operation_with_a_lost_neighbour_keeps_its_number(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for i in range(3):
        writer.operation({"op": "set_tags", "i": i})
    path = writer.folder / "00000000.seg"
    data = path.read_bytes()
    path.write_bytes(damaged(data, data.index(b'"i":1'), 0x01))

    records = read_all(writer.folder)

    assert [r.number for r in records if isinstance(r, Operation)] == [0, 2]


def test_a_segment_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    folder = dead_spool(tmp_path)
    path = folder / "00000000.seg"
    data = bytearray(path.read_bytes())
    data[8] = 2
    path.write_bytes(data)

    with pytest.raises(UnsupportedSpool, match="newer"):
        list(SpoolReader(folder).read())
    assert path.read_bytes() == data


def test_records_of_unknown_kinds_from_128_on_are_passed_over(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, segment_bytes=1)
    writer.log({"a": 1})
    with (writer.folder / "00000001.seg").open("ab") as file:
        file.write(framed(struct.pack("<I", word_for(200, 1)) + b"of a later version"))
    writer.log({"a": 2})

    assert offsets_told(read_all(writer.folder)) == [0, 1]


def test_a_segment_that_cannot_be_opened_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dead_spool(tmp_path)

    def refuse(*_: object) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.pread", refuse)

    with pytest.raises(SpoolError, match="Input/output"):
        list(SpoolReader(folder).read())
