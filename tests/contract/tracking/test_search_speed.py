"""How long searches among 100 000 runs take; printed, and not judged: machines differ."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.runs import RunSearch
from runstream_server.core.search.pages import PageRequest
from runstream_server.storage import schema
from tests.contract.tracking.serving import Tracking

RUNS = 100_000
RUNS_AT_ONCE = 5_000
SEARCHES: list[tuple[str, tuple[str, ...]]] = [
    ("", ()),
    ("metrics.loss < 0.001", ()),
    ("metrics.loss < 0.5", ("metrics.acc DESC",)),
    ("params.lr = '99999'", ()),
    ("params.lr = '5'", ()),
    ("params.lr = '5' OR tags.team = 'b'", ()),
    ("NOT params.lr = '5'", ("params.lr DESC",)),
    ("tags.note LIKE '%999%'", ()),
    ("tags.note ILIKE '%X99%'", ()),
    ("tags.team = 'a' AND params.lr IN ('1', '2') AND metrics.loss > 0.9", ("metrics.acc",)),
    (" OR ".join(f"tags.absent{number} = 'a'" for number in range(100)), ()),
]


def made(numbers: range, chance: random.Random) -> Iterator[tuple[sa.Table, list[dict[str, Any]]]]:
    """Yields what is stored of some runs, table by table."""
    ids = {number: f"{number:012x}7{chance.getrandbits(76):019x}" for number in numbers}
    runs = [
        {
            "run_id": ids[number],
            "experiment_id": 0,
            "name": f"run {number}",
            "status": 3,
            "active": True,
            "start_time_us": number * 1_000_000,
            "end_time_us": None,
            "create_time_us": number * 1_000_000,
            "update_time_us": number * 1_000_000,
            "user_id": "ada",
            "artifact_uri": "",
        }
        for number in numbers
    ]
    labels: list[tuple[sa.Table, str, Callable[[], str]]] = [
        (schema.params, "lr", lambda: str(chance.randrange(100))),
        (schema.params, "seed", lambda: str(chance.random())),
        (schema.tags, "team", lambda: chance.choice("abc")),
        (schema.tags, "note", lambda: f"x{chance.randrange(10**6)}"),
    ]
    yield schema.runs, runs
    for table, key, value in labels:
        yield table, [{"run_id": ids[n], "key": key, "value": value()} for n in numbers]
    for series_id, key in enumerate(("loss", "acc")):
        named = {"series_id": series_id, "key": key, "rank": -1, "attempt": 0, "last_is_nan": False}
        yield (
            schema.series,
            [{**named, "run_id": ids[n], "last_value": chance.random()} for n in numbers],
        )


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_searches_among_many_runs_are_timed(tracking: Tracking) -> None:
    chance = random.Random(7)

    async def fill(connection: AsyncConnection) -> None:
        for first in range(0, RUNS, RUNS_AT_ONCE):
            for table, rows in made(range(first, first + RUNS_AT_ONCE), chance):
                await connection.execute(sa.insert(table), rows)

    await tracking.database.write(fill)

    print(f"\nfirst and second page of 100 among {RUNS} runs, {tracking.database.dialect}")  # noqa: T201
    for filter_, order_by in SEARCHES:
        search = RunSearch(filter=filter_, order_by=order_by)
        began = time.perf_counter()
        first = await tracking.core_runs.search(search)
        middle = time.perf_counter()
        if first.next_page_token:
            await tracking.core_runs.search(search, PageRequest(token=first.next_page_token))
        ended = time.perf_counter()
        times = f"{(middle - began) * 1000:7.0f} ms {(ended - middle) * 1000:7.0f} ms"
        print(f"{times}  {filter_[:70] or 'all'} {list(order_by) or ''}")  # noqa: T201
