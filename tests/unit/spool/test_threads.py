"""Threads that log at once lose nothing and mix nothing up."""

import threading
from pathlib import Path

from tests.unit.spool.logging_runs import decoded, new_writer, offsets_told, read_all, values_of

from runstream._spool import Operation, Record, SpoolReader

THREADS = 4
ROWS = 600


def test_threads_may_log_at_once(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, segment_bytes=20_000)
    begin = threading.Barrier(THREADS)

    def log(thread: int) -> None:
        begin.wait()
        for i in range(ROWS):
            if i % 5:
                writer.log({f"thread{thread}": i, "both": thread})
            else:
                writer.log({f"thread{thread}": i})
            if i % 100 == 0:
                writer.operation({"thread": thread, "i": i})

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = read_all(writer.folder)
    rows = decoded(records)
    assert offsets_told(records) == list(range(THREADS * ROWS))
    for number in range(THREADS):
        assert values_of(rows, f"thread{number}") == list(range(ROWS))
    operations = [record for record in records if isinstance(record, Operation)]
    assert [operation.number for operation in operations] == list(range(THREADS * ROWS // 100))
    assert [row.step for row in rows] == list(range(THREADS * ROWS)), "a step came twice"


def test_a_reader_may_read_while_threads_log(tmp_path: Path) -> None:
    writer = new_writer(tmp_path, segment_bytes=5_000)

    def log(thread: int) -> None:
        for i in range(ROWS):
            writer.log({f"thread{thread}": i} if i % 7 else {"x": i, f"thread{thread}": i})
            if i % 150 == 0:
                writer.operation({"i": i})

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(2)]
    reader = SpoolReader(writer.folder)
    records: list[Record] = []
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        records += reader.read()
    writer.close()
    records += reader.read()

    assert reader.finished
    assert offsets_told(records) == list(range(2 * ROWS))
    rows = decoded(records)
    for number in range(2):
        assert values_of(rows, f"thread{number}") == list(range(ROWS))
