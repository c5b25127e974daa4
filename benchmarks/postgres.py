"""What PostgreSQL adds: durable points a second, and what one and three replicas cost."""

import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import asyncpg
from tests.support.postgres import PostgresProcess

from benchmarks.ingest import (
    ROWS_A_TRANSACTION,
    Logged,
    count_points,
    ingest,
    logging,
    reference_rows,
)
from benchmarks.processor_time import ProcessorTime, spool_users, tree_seconds
from benchmarks.report import Figure
from benchmarks.serving import BenchServer, serving

__all__ = ["postgres"]

MILLION = 1_000_000
COPIED_POINTS = 2 * MILLION
WRITERS = 3
METRICS_A_ROW = 10
WARM_UP_ROWS = 20_000
LONGER = 3
# As durable as it is by default; the tests' own settings are not.
SETTINGS = {"fsync": "on", "shared_buffers": "256MB", "max_wal_size": "2GB"}


def postgres(points: int = 20 * MILLION) -> list[Figure]:
    """Measures against one PostgreSQL, with an empty database each time."""
    with PostgresProcess(settings=SETTINGS) as process:
        with process.server.database() as uri:
            copied = asyncio.run(_copied(uri))
        figures: list[Figure] = []
        for metrics in (METRICS_A_ROW, 1000):
            with process.server.database() as uri:
                figures += ingest(
                    points, metrics, copied, "COPY of rows", backend_store_uri=uri
                )  # fmt: skip
        one, one_detail = _cost(process, LONGER * points, replicas=1)
        three, three_detail = _cost(process, LONGER * points, replicas=WRITERS)
    name = f"CPU-s a million points, {WRITERS} writers"
    return [
        *(Figure(f"PostgreSQL: {f.name}", *_rest(f)) for f in figures),
        Figure(f"{name}, 1 replica", one, "CPU-s", None, "", one_detail),
        Figure(f"{name}, {WRITERS} replicas", three, "CPU-s", one, "1 replica", three_detail),
    ]


def _rest(figure: Figure) -> tuple[float, str, float | None, str, str]:
    return (
        figure.value, figure.unit, figure.reference, figure.reference_name, figure.detail,
    )  # fmt: skip


async def _copied(uri: str) -> float:
    """Returns points/s of the quickest obvious way: COPY of a row a point, 10 000 a transaction."""
    connection = await asyncpg.connect(uri)
    await connection.execute(
        "create table metrics (run text, key text, step bigint, time bigint, "
        "value double precision, primary key (run, key, step, time))"
    )
    began = time.perf_counter()
    for first in range(0, COPIED_POINTS, ROWS_A_TRANSACTION):
        await connection.copy_records_to_table("metrics", records=reference_rows(first))
    seconds = time.perf_counter() - began
    await connection.close()
    return COPIED_POINTS / seconds


def _cost(process: PostgresProcess, points: int, replicas: int) -> tuple[float, str]:
    """Returns the CPU-seconds of everybody for a million points, and how they are shared out."""
    rows = points // WRITERS // METRICS_A_ROW
    with ExitStack() as stack:
        uri = stack.enter_context(process.server.database())
        servers = [
            stack.enter_context(serving(backend_store_uri=uri)) for _ in range(replicas)
        ]  # fmt: skip
        first, spool = (
            stack.enter_context(
                # A shipper may still be about to leave.
                tempfile.TemporaryDirectory(dir=Path.cwd(), ignore_cleanup_errors=True)
            )
            for _ in range(2)
        )
        # Each server starts a process to seal, once: that is no cost of points.
        _logged(servers, WARM_UP_ROWS, first)
        servers[0].wait_until_sealed()
        database_before = tree_seconds(process.pid)
        servers_before = sum(tree_seconds(server.process.pid) for server in servers)
        with ProcessorTime(spool_users(spool)) as clients:
            done = _logged(servers, rows, spool)
        servers[0].wait_until_sealed()
        in_servers = sum(tree_seconds(server.process.pid) for server in servers) - servers_before
        in_database = tree_seconds(process.pid) - database_before
        counted = sum(count_points(servers[0], one.run_id) for one in done)
    if counted != rows * WRITERS * METRICS_A_ROW:
        raise RuntimeError(f"logged {rows * WRITERS * METRICS_A_ROW} points, found {counted}")
    millions = counted / MILLION
    seconds = max(one.delivered_s for one in done) - min(one.first_s for one in done)
    detail = (
        f"clients {clients.seconds / millions:.2f}, servers {in_servers / millions:.2f}, "
        f"PostgreSQL {in_database / millions:.2f}; {counted / seconds / MILLION:.2f} M points/s"
    )
    return (clients.seconds + in_servers + in_database) / millions, detail


def _logged(servers: list[BenchServer], rows: int, spool: str) -> list[Logged]:
    """Lets writers log at once, each to a server of its own where there are enough."""
    with ExitStack() as stack:
        waits = [
            stack.enter_context(
                logging(servers[number % len(servers)].uri, rows, METRICS_A_ROW, spool)
            )
            for number in range(WRITERS)
        ]
        return [wait() for wait in waits]
