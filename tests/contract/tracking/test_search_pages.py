"""Pages of runs: where they begin and end, and the tokens between them."""

import asyncio
from typing import Any

import pytest

from runstream.v1 import experiment_pb2, run_service_pb2 as pb
from runstream_server.core.latest import LatestPoint, RunMetrics
from runstream_server.core.runs import RunSearch
from runstream_server.core.search.pages import PageRequest
from tests.contract.tracking.searching import make, search
from tests.contract.tracking.serving import Tracking, hex_id

ALL = experiment_pb2.VIEW_TYPE_ALL


async def test_pages_neither_repeat_nor_miss_runs_while_others_are_created(
    tracking: Tracking,
) -> None:
    await make(tracking, 20, first=100)
    seen: list[str] = []
    token = ""
    for created in range(100):
        page = await search(tracking, page_size=3, page_token=token)
        seen += [run.name for run in page.runs]
        await make(tracking, 1, first=created)  # among those that are to come
        await make(tracking, 1, first=1_000 + created)  # before all of them
        token = page.next_page_token
        if not token:
            break

    assert len(seen) == len(set(seen))
    assert [name for name in seen if 100 <= int(name) < 1_000] == [
        str(number) for number in range(119, 99, -1)
    ]


async def test_pages_go_on_from_a_run_that_is_gone(tracking: Tracking) -> None:
    await make(tracking, 4)
    first = await search(tracking, page_size=2)
    await tracking.runs.DeleteRun(pb.DeleteRunRequest(run_id=first.runs[1].run_id))

    second = await search(tracking, page_size=2, page_token=first.next_page_token)

    assert [run.name for run in second.runs] == ["1", "0"]
    assert not second.next_page_token


async def test_the_last_page_has_no_token_and_only_that(tracking: Tracking) -> None:
    await make(tracking, 4)

    first = await search(tracking, page_size=2)
    second = await search(tracking, page_size=2, page_token=first.next_page_token)

    assert first.next_page_token
    assert not second.next_page_token
    assert not (await search(tracking, page_size=4)).next_page_token


async def test_a_page_has_a_hundred_runs_unless_told(tracking: Tracking) -> None:
    await asyncio.gather(*(tracking.run(number) for number in range(101)))

    assert len((await search(tracking)).runs) == 100
    assert len((await search(tracking, page_size=2**31 - 1)).runs) == 101


async def test_a_page_ends_before_it_is_too_long_to_be_received(tracking: Tracking) -> None:
    count = 6
    await make(tracking, count)
    value = "é" * 8_000
    for number in range(count):
        tags = {f"{key:03}": value for key in range(100)}
        await tracking.core_runs.log(hex_id(number), tags=tags)

    sizes: list[int] = []
    seen: list[str] = []
    token = ""
    while True:
        page = await search(tracking, page_token=token)
        sizes.append(page.ByteSize())
        seen += [run.name for run in page.runs]
        token = page.next_page_token
        if not token:
            break

    assert seen == [str(number) for number in range(count - 1, -1, -1)]
    assert len(sizes) == 3
    assert max(sizes) < 4 * 1024 * 1024


async def test_metrics_count_for_the_length_of_a_page(tracking: Tracking) -> None:
    await make(tracking, 3)
    points = [LatestPoint(f"{n:05}", 4_000_000_000, -1, 2**60, 1.0) for n in range(40_000)]
    for number in range(3):
        tracking.metrics.by_run[hex_id(number)] = RunMetrics(1, points)

    page = await search(tracking)
    rest = await search(tracking, page_token=page.next_page_token)

    assert [len(page.runs), len(rest.runs)] == [1, 1]
    assert page.ByteSize() < 4 * 1024 * 1024


async def test_other_doors_may_ask_for_pages_of_any_length(tracking: Tracking) -> None:
    await make(tracking, 3)
    points = [LatestPoint(f"{n:05}", 0, -1, 0, 1.0) for n in range(40_000)]
    for number in range(3):
        tracking.metrics.by_run[hex_id(number)] = RunMetrics(1, points)

    page = await tracking.core_runs.search(RunSearch(), PageRequest(max_bytes=None))

    assert len(page.items) == 3


QUESTION: dict[str, Any] = {
    "experiment_ids": ["0"],
    "filter": "params.p IS NULL",
    "order_by": ["run_name"],
    "view_type": ALL,
    "omit_metrics": False,
}


@pytest.mark.parametrize(
    "change",
    [
        {"experiment_ids": []},
        {"experiment_ids": ["0", "1"]},
        {"filter": "params.q IS NULL"},
        {"order_by": ["run_name DESC"]},
        {"order_by": []},
        {"view_type": experiment_pb2.VIEW_TYPE_ACTIVE_ONLY},
    ],
)
async def test_a_token_belongs_to_its_question(tracking: Tracking, change: dict[str, Any]) -> None:
    await make(tracking, 3)
    token = (await search(tracking, **QUESTION, page_size=1)).next_page_token

    assert len((await search(tracking, **QUESTION, page_token=token)).runs) == 2
    refusal = await tracking.refused(search(tracking, **{**QUESTION, **change}, page_token=token))

    assert (refusal.reason, refusal.metadata) == ("INVALID_PAGE_TOKEN", {"field": "page_token"})


async def test_a_token_that_was_touched_is_refused(tracking: Tracking) -> None:
    await make(tracking, 3)
    token = (await search(tracking, page_size=1)).next_page_token
    middle = len(token) // 2
    touched = [
        token[:-1],
        token + "A",
        token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :],
        "é",
        "====",
        "0",
        token.swapcase(),
    ]

    for broken in touched:
        refusal = await tracking.refused(search(tracking, page_token=broken))
        assert refusal.reason == "INVALID_PAGE_TOKEN"


async def test_tokens_can_be_used_in_addresses(tracking: Tracking) -> None:
    await make(tracking, 2)
    await tracking.core_runs.log(hex_id(0), tags={"t": "🦒?&/+" * 30})
    await tracking.core_runs.log(hex_id(1), tags={"t": "🦒?&/+" * 31})

    token = (await search(tracking, order_by=["tags.t"], page_size=1)).next_page_token

    assert token.replace("-", "").replace("_", "").isalnum()
    assert token.isascii()
