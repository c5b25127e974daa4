"""A forked process that logs is a writer of its own, and touches nothing of its parent's."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.unit.spool.logging_runs import RUN_ID, decoded, new_writer, read_all, values_of

from runstream._spool import Operation, SpoolWriter, WriterSpool, scan


def in_child(work: Callable[[], None]) -> None:
    """Runs something in a forked process, which then ends without any cleaning up."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must not go on with the test session
            traceback.print_exc(file=sys.stderr)
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0


def spool_of(directory: Path, writer_id: str) -> WriterSpool:
    return WriterSpool(directory, RUN_ID, writer_id)


def test_a_child_that_logs_becomes_another_writer_of_the_same_run(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, rank=2)
    writer.log({"x": 1}, step=5)
    parent_id = writer.writer_id

    def log_in_child() -> None:
        assert writer.writer_id != parent_id
        writer.log({"x": 10})
        writer.log({"x": 11})
        writer.log({"x": 12, "y": 1})

    in_child(log_in_child)
    writer.log({"x": 2})
    writer.log({"x": 3, "y": 1})

    spools = {spool.writer_id: spool for spool in scan(tmp_path)}
    assert len(spools) == 2
    mine = spools.pop(parent_id)
    assert values_of(decoded(read_all(mine.folder)), "x") == [1, 2, 3]
    assert mine.alive()
    (child,) = spools.values()
    rows = decoded(read_all(child.folder))
    assert values_of(rows, "x") == [10, 11, 12]
    assert [row.step for row in rows] == [6, 7, 8]
    assert child.header().identity.rank == 2
    assert not child.alive()


def test_a_child_that_does_not_log_leaves_no_trace(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    in_child(lambda: None)
    in_child(writer.close)
    writer.log({"x": 1})

    (spool,) = scan(tmp_path)
    assert spool.alive()
    assert values_of(decoded(read_all(spool.folder)), "x") == [1]


def test_a_child_does_not_keep_its_dead_parent_alive(tmp_path: Path) -> None:
    """The parent of this test's writer dies while its child, which has logged too, goes on."""
    reading, writing = os.pipe()

    def parent() -> None:
        writer = new_writer(tmp_path)
        writer.log({"x": 1})
        if os.fork() == 0:
            writer.log({"x": 2})
            os.write(writing, f"{os.getpid()} {writer.writer_id}".encode())
            signal.pause()

    in_child(parent)
    pid, child_id = os.read(reading, 100).decode().split()
    os.close(reading)
    os.close(writing)

    alive = {spool.writer_id: spool.alive() for spool in scan(tmp_path)}
    os.kill(int(pid), signal.SIGKILL)

    assert alive.pop(child_id)
    assert list(alive.values()) == [False]


def test_the_childs_writer_is_introduced_before_its_first_entry(tmp_path: Path) -> None:
    introduced: list[str] = []

    def introduce(writer: SpoolWriter) -> None:
        introduced.append(writer.writer_id)
        writer.operation({"op": "create_run"})

    writer = SpoolWriter.create(tmp_path, run_id=RUN_ID, on_new_writer=introduce)
    writer.log({"x": 0})

    def log_in_child() -> None:
        writer.log({"x": 1})
        writer.operation({"op": "set_tags"})
        assert introduced == [writer.writer_id]

    in_child(log_in_child)

    (child,) = [spool for spool in scan(tmp_path) if spool.writer_id != writer.writer_id]
    operations = [record for record in read_all(child.folder) if isinstance(record, Operation)]
    assert [(op.payload["op"], op.rows_before) for op in operations] == [
        ("create_run", 0),
        ("set_tags", 1),
    ]
    assert introduced == []


def test_a_child_may_log_a_file_first(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)

    def log_in_child() -> None:
        assert writer.artifact(b"content", "x.txt") == 0

    in_child(log_in_child)

    (child,) = [spool for spool in scan(tmp_path) if spool.writer_id != writer.writer_id]
    assert len(list((child.folder / "artifacts").iterdir())) == 1


def test_a_grandchild_is_a_third_writer(tmp_path: Path) -> None:
    writer = new_writer(tmp_path)
    writer.log({"x": 0})

    def log_in_child() -> None:
        writer.log({"x": 1})
        in_child(lambda: writer.log({"x": 2}))
        writer.log({"x": 3})

    in_child(log_in_child)

    values = sorted(values_of(decoded(read_all(spool.folder)), "x") for spool in scan(tmp_path))
    assert values == [[0], [1, 3], [2]]
