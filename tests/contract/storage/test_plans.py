"""What SQLite does for queries about one run: it looks at the rows of that run alone.

It has no statistics to go by, so an index that fits a query only a little may look better to it
than the run's own; with many runs that is the difference between microseconds and minutes.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import block_rows, label_rows, log_rows, series_rows, setup
from runstream_server.storage.series_rows import SeriesFilter
from runstream_server.storage.sqlite_database import SqliteDatabase

RUN = "0" * 32

Read = Callable[[AsyncConnection], Awaitable[Any]]
READS: dict[str, Read] = {
    "head": lambda connection: log_rows.read_head(connection, RUN),
    "batches": lambda connection: log_rows.read_batches(connection, RUN, 0, 10),
    "live blocks": lambda connection: block_rows.live_blocks(connection, RUN),
    "retired blocks": lambda connection: block_rows.retire_blocks(connection, RUN, [1, 2], 1),
    "parts": lambda connection: block_rows.read_parts(connection, RUN, 1, [0, 1]),
    "series": lambda connection: series_rows.select_series(
        connection, RUN, SeriesFilter(keys=["a", "b"], ranks=[-1, 0]), limit=10
    ),
    "names": lambda connection: series_rows.names_of(connection, {RUN: [1, 2]}),
    "params": lambda connection: label_rows.params_of_runs(connection, [RUN]),
    "tags": lambda connection: label_rows.tags_of_runs(connection, [RUN]),
    "known tags": lambda connection: label_rows.stored_tags(connection, RUN, ["a"]),
}


@pytest.mark.parametrize("name", READS)
async def test_a_query_about_a_run_looks_at_that_run_alone(tmp_path: Path, name: str) -> None:
    plans: list[str] = []

    async def explained(connection: AsyncConnection) -> None:
        asked: list[tuple[str, Any]] = []

        @event.listens_for(connection.sync_connection, "before_cursor_execute")
        def note(_c: object, _cursor: object, statement: str, given: object, *_: object) -> None:
            if not statement.startswith("EXPLAIN"):
                asked.append((statement, given))

        await READS[name](connection)
        for statement, given in asked:
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            plans.extend(row["detail"] for row in rows.mappings())

    async with SqliteDatabase(str(tmp_path / "runstream.db")) as database:
        await setup.create_or_check(database)
        await database.write(explained)

    visits = [plan for plan in plans if plan.startswith(("SEARCH", "SCAN")) and "json" not in plan]
    assert visits
    assert [plan for plan in visits if "run_id" not in plan] == []
