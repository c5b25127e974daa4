"""Ctrl-C and signal handlers come between any two steps of an append; the spool stays whole.

The interpreter runs signal handlers when a call has returned and when a function begins. A profile
function is told of these places, and interrupts at each of them in turn.
"""

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

import pytest
from tests.unit.spool.logging_runs import (
    decoded,
    new_writer,
    offsets_told,
    read_all,
    values_of,
)

from runstream._spool import Operation, SpoolWriter


class Interrupter:
    """Calls `action` at the n-th place at which a signal handler could run, within the spool.

    With `times`, at so many places from there on.
    """

    def __init__(self, place: int, action: Callable[[], None], times: int = 1) -> None:
        self.remaining = place
        self.action = action
        self.times = times

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        if event in {"call", "c_return"} and "_spool" in frame.f_code.co_filename:
            self.remaining -= 1
            if -self.times < self.remaining <= 0:
                self.action()


@contextmanager
def interrupted_at(
    place: int, action: Callable[[], None], times: int = 1
) -> Generator[Interrupter]:
    interrupter = Interrupter(place, action, times)
    previous = sys.getprofile()
    sys.setprofile(interrupter.profile)
    try:
        yield interrupter
    finally:
        sys.setprofile(previous)


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


def append_row(writer: SpoolWriter) -> None:
    writer.log({"x": 1.0})


def append_row_of_a_new_layout(writer: SpoolWriter) -> None:
    writer.log({"x": 1.0, "y": 2.0})


def append_an_operation(writer: SpoolWriter) -> None:
    writer.operation({"op": "interrupted"})


APPENDS = [append_row, append_row_of_a_new_layout, append_an_operation]
SEGMENT_BYTES = [1 << 20, 250]
"""The second begins a new segment with the row that is interrupted."""


def every_place(
    folder: Path,
    append: Callable[[SpoolWriter], None],
    action: Callable[[SpoolWriter], None],
    size: int,
) -> Iterator[tuple[SpoolWriter, bool]]:
    """Yields a writer that was interrupted at each place, and whether the append returned."""
    place = 0
    while True:
        place += 1
        writer = new_writer(folder, segment_bytes=size)
        writer.log({"x": 0.0})
        returned = False
        with interrupted_at(place, partial(action, writer)) as interrupter:
            try:
                append(writer)
                returned = True
            except KeyboardInterrupt:
                pass
        if interrupter.remaining > 0:
            assert place > 10
            return
        yield writer, returned


@pytest.mark.parametrize("append", APPENDS)
@pytest.mark.parametrize("size", SEGMENT_BYTES)
def test_ctrl_c_at_any_place_leaves_a_spool_that_goes_on(
    tmp_path: Path, append: Callable[[SpoolWriter], None], size: int
) -> None:
    for writer, returned in every_place(tmp_path, append, lambda _: press_ctrl_c(), size):
        writer.log({"x": 2.0})
        writer.log({"x": 3.0, "y": 1.0})
        writer.operation({"op": "last"})
        writer.close()

        records = read_all(writer.folder)
        values = values_of(decoded(records), "x")
        assert offsets_told(records) == list(range(len(values)))
        if append is append_an_operation:
            assert values == [0.0, 2.0, 3.0]
        else:
            assert values in ([0.0, 1.0, 2.0, 3.0], [0.0, 2.0, 3.0])
            assert not returned or len(values) == 4
        numbers = [record.number for record in records if isinstance(record, Operation)]
        assert numbers == list(range(len(numbers)))
        assert not writer.rejected


@pytest.mark.parametrize("append", APPENDS)
@pytest.mark.parametrize("size", SEGMENT_BYTES)
def test_a_signal_handler_may_log_at_any_place(
    tmp_path: Path, append: Callable[[SpoolWriter], None], size: int
) -> None:
    def handle(writer: SpoolWriter) -> None:
        writer.log({"x": 5.0})
        writer.log({"x": 6.0, "z": 1.0})
        writer.operation({"op": "handled"})

    for writer, returned in every_place(tmp_path, append, handle, size):
        assert returned
        writer.log({"x": 2.0})

        records = read_all(writer.folder)
        values = values_of(decoded(records), "x")
        assert offsets_told(records) == list(range(len(values)))
        own = [] if append is append_an_operation else [1.0]
        assert sorted(values) == [0.0, *own, 2.0, 5.0, 6.0]
        assert values[-1] == 2.0
        assert values.index(5.0) < values.index(6.0)
        operations = [record for record in records if isinstance(record, Operation)]
        assert [op.number for op in operations] == list(range(len(operations)))
        assert {"op": "handled"} in [op.payload for op in operations]
        assert not writer.rejected


@pytest.mark.parametrize("append", APPENDS)
def test_a_signal_handler_may_log_and_end_the_program(
    tmp_path: Path, append: Callable[[SpoolWriter], None]
) -> None:
    def handle(writer: SpoolWriter) -> None:
        writer.log({"x": 5.0})
        writer.close()
        raise KeyboardInterrupt

    for writer, _ in every_place(tmp_path, append, handle, 1 << 20):
        writer.close()

        records = read_all(writer.folder)
        values = values_of(decoded(records), "x")
        assert offsets_told(records) == list(range(len(values)))
        assert 5.0 in values


def test_a_handlers_own_exception_is_not_taken_for_the_disks(tmp_path: Path) -> None:
    def time_out(_: SpoolWriter) -> None:
        raise TimeoutError("the epoch took too long")

    place = 0
    seen = 0
    writers: list[SpoolWriter] = []  # kept, so that none is finalized while exceptions are raised
    while True:
        place += 1
        writer = new_writer(tmp_path)
        writers.append(writer)
        writer.log({"x": 0.0})
        with interrupted_at(place, partial(time_out, writer)) as interrupter:
            try:
                writer.log({"x": 1.0})
            except TimeoutError:
                seen += 1
        if interrupter.remaining > 0:
            break
        writer.log({"x": 2.0})
        values = values_of(decoded(read_all(writer.folder)), "x")
        assert values in ([0.0, 1.0, 2.0], [0.0, 2.0])
    assert seen == place - 1


@pytest.mark.parametrize("append", APPENDS)
@pytest.mark.parametrize("times", [2, 30])
def test_handlers_that_log_at_many_places_keep_their_order(
    tmp_path: Path, append: Callable[[SpoolWriter], None], times: int
) -> None:
    for place in range(1, 24):
        writer = new_writer(tmp_path)
        writer.log({"x": 0.0})
        writer.log({"h": -1})
        calls: list[int] = []

        def handle(writer: SpoolWriter = writer, calls: list[int] = calls) -> None:
            writer.log({"h": len(calls)})
            writer.operation({"h": len(calls)})
            calls.append(1)

        with interrupted_at(place, handle, times):
            append(writer)

        records = read_all(writer.folder)
        handled = list(range(len(calls)))
        assert values_of(decoded(records), "h") == [-1, *handled]
        operations = [record for record in records if isinstance(record, Operation)]
        assert [op.payload["h"] for op in operations if "h" in op.payload] == handled
        assert offsets_told(records) == list(range(writer.rows))


class LoggingNumber:
    """A number whose conversion logs, as a tensor's might through hooks."""

    def __init__(self, writer: SpoolWriter) -> None:
        self.writer = writer

    def __float__(self) -> float:
        self.writer.log({"x": 5.0})
        return 1.0


def test_a_value_may_log_while_it_is_converted(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    for _ in range(3):
        writer.log({"x": LoggingNumber(writer)})

    records = read_all(writer.folder)
    assert offsets_told(records) == list(range(writer.rows))
    assert values_of(decoded(records), "x").count(1.0) == 3
