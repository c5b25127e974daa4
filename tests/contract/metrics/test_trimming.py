"""What is sealed leaves the logs of runs, by age and by size; nothing else does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from runstream.v1 import metric_service_pb2 as pb
from runstream_server.core.sealing.cleaner import Cleaner, Retention
from runstream_server.storage import trim_rows
from runstream_server.storage.schema import log_batches
from tests.contract.backends import Backend
from tests.contract.metrics.serving import Served, serving
from tests.contract.metrics.streams import StreamClient
from tests.contract.metrics.test_streams import WRITER, rows

# More than one slice of a run's log, less than one, and several runs that share a slice.
BATCHES = {"a": 40, "b": 3, "c": 1, "d": 1}
ROWS = 2


def run_of(name: str) -> str:
    return name * 32


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncIterator[Served]:
    """A server whose runs have sealed log, and each a batch that is not sealed."""
    async with serving(backend, tmp_path) as one:
        for name, count in BATCHES.items():
            await one.create_run(run_of(name))
            client = StreamClient(run_of(name), WRITER)
            for number in range(count):
                await client.send(one.metrics, rows(number * ROWS, ROWS))
            await one.maker.seal(run_of(name))
            await client.send(one.metrics, rows(count * ROWS, ROWS))
            await client.close()
        yield one


async def batches(served: Served) -> dict[str, int]:
    """Returns how many batches the log of each run holds."""
    query = sa.select(log_batches.c.run_id, sa.func.count()).group_by(log_batches.c.run_id)
    async with served.core.database.read() as connection:
        found = {row.run_id: int(row[1]) for row in await connection.execute(query)}
    return {name: found.get(run_of(name), 0) for name in BATCHES}


async def size(served: Served) -> int:
    async with served.core.database.read() as connection:
        return await trim_rows.log_bytes(connection)


async def test_old_log_goes_and_what_is_not_sealed_stays(served: Served) -> None:
    await Cleaner(served.core.database, Retention(age_s=-1)).clean()

    assert await batches(served) == dict.fromkeys(BATCHES, 1)
    for name, count in BATCHES.items():
        steps: list[int] = []
        async for answer in served.metrics.GetHistory(pb.GetHistoryRequest(run_id=run_of(name))):
            for series in answer.series:
                steps.extend(series.step)
        assert sorted(set(steps)) == list(range((count + 1) * ROWS))


async def test_young_log_stays_while_there_is_room(served: Served) -> None:
    await Cleaner(served.core.database, Retention()).clean()

    assert await batches(served) == {name: count + 1 for name, count in BATCHES.items()}


async def test_young_log_goes_where_there_is_too_much_of_it(served: Served) -> None:
    before = await size(served)
    await Cleaner(served.core.database, Retention(size_bytes=before * 3 // 4)).clean()

    assert before // 2 < await size(served) <= before * 3 // 4
    left = await batches(served)
    assert 1 < left["a"] < BATCHES["a"]
    assert (left["b"], left["c"], left["d"]) == (4, 2, 2)
