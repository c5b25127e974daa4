"""What searches for runs find and show, and which they refuse."""

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import experiment_pb2, run_service_pb2 as pb
from runstream_server.core.latest import LatestPoint, RunMetrics
from runstream_server.storage.schema import series
from tests.contract.tracking.searching import make, names, search
from tests.contract.tracking.serving import Tracking, hex_id

DELETED_ONLY = experiment_pb2.VIEW_TYPE_DELETED_ONLY
ALL = experiment_pb2.VIEW_TYPE_ALL


async def log_latest(tracking: Tracking, number: int, key: str, *values: float) -> None:
    """Stores latest values of a metric key: of no rank, then of ranks 0, 1 and so on."""
    rows = [
        {
            "run_id": hex_id(number),
            "series_id": place,
            "key": key,
            "rank": place - 1,
            "attempt": 0,
            "last_value": None if math.isnan(value) else value,
            "last_is_nan": math.isnan(value),
        }
        for place, value in enumerate(values)
    ]
    await tracking.insert(series, rows)


async def test_the_latest_runs_come_first(tracking: Tracking) -> None:
    await make(tracking, 3)

    assert await names(tracking) == ["2", "1", "0"]


async def test_runs_that_start_at_once_are_ordered_by_id(tracking: Tracking) -> None:
    for number in (3, 1, 2):
        await tracking.run(number, name=str(number), start_time=Timestamp(seconds=5))

    assert await names(tracking) == ["1", "2", "3"]


async def test_found_runs_are_whole(tracking: Tracking) -> None:
    await tracking.run(1, tags={"k": "v"}, user="ada", parent_run_id=hex_id(2))
    await tracking.core_runs.log(hex_id(1), params={"p": "1"})
    point = LatestPoint("loss", 3, 7, 1_000, -0.0, -0.5, 0.5)
    tracking.metrics.by_run[hex_id(1)] = RunMetrics(42, [point])

    with_metrics = (await search(tracking)).runs[0]
    without = (await search(tracking, omit_metrics=True)).runs[0]

    assert with_metrics == await tracking.get(1)
    assert [metric.rank for metric in with_metrics.metrics] == [3]
    assert not without.metrics


async def test_searches_keep_to_experiments_and_stages(tracking: Tracking) -> None:
    await tracking.run(1, name="a")
    await tracking.run(2, name="b", experiment_name="other")
    await tracking.run(3, name="c", experiment_name="other")
    await tracking.runs.DeleteRun(pb.DeleteRunRequest(run_id=hex_id(3)))

    assert sorted(await names(tracking)) == ["a", "b"]
    assert await names(tracking, experiment_ids=["1"]) == ["b"]
    assert sorted(await names(tracking, experiment_ids=["1", "0", "1"])) == ["a", "b"]
    assert await names(tracking, experiment_ids=["77", "0"]) == ["a"]
    assert await names(tracking, experiment_ids=["77"]) == []
    assert await names(tracking, view_type=DELETED_ONLY) == ["c"]
    assert sorted(await names(tracking, view_type=ALL)) == ["a", "b", "c"]


async def test_filters_combine_metrics_params_tags_and_attributes(tracking: Tracking) -> None:
    await make(tracking, 4)
    for number, (loss, model, team) in enumerate(
        [(0.05, "cnn", "a"), (0.05, "mlp", "b"), (0.5, "cnn", "a"), (0.05, "mlp", "c")]
    ):
        await log_latest(tracking, number, "loss", loss)
        params, tags = {"model": model}, {"team": team}
        await tracking.core_runs.log(hex_id(number), params=params, tags=tags)

    found = await names(
        tracking,
        filter="metrics.loss < 0.1 AND (params.model = 'cnn' OR tags.team IN ('a', 'b'))",
        order_by=["run_name"],
    )

    assert found == ["0", "1"]


async def test_a_plain_key_is_the_rankless_series_or_the_lowest_rank(tracking: Tracking) -> None:
    await make(tracking, 2)
    await log_latest(tracking, 0, "loss", 1.0, 2.0)
    await tracking.insert(
        series,
        [
            {
                "run_id": hex_id(1),
                "series_id": place,
                "key": "loss",
                "rank": rank,
                "attempt": attempt,
                "last_value": value,
                "last_is_nan": None if value is None else False,
            }
            for place, (rank, attempt, value) in enumerate(
                [(0, 2, None), (0, 1, 3.0), (0, 0, 4.0), (1, 5, 5.0), (-1, 0, None)]
            )
        ],
    )

    assert await names(tracking, filter="metrics.loss = 1") == ["0"]
    assert await names(tracking, filter="metrics.loss = 3") == ["1"]
    assert await names(tracking, order_by=["metrics.loss DESC"]) == ["1", "0"]


async def test_metrics_that_a_search_names_are_brought_up_to_date(tracking: Tracking) -> None:
    await tracking.run(1)
    filter_ = "metrics.a > 1 OR NOT (metrics.`b c` IS NULL AND params.x = '1')"

    await search(tracking, filter=filter_, order_by=["metrics.d"], experiment_ids=["0", "1"])
    await search(tracking, filter="metrics.a > 1")
    await search(tracking, filter="params.a = '1'")

    assert tracking.metrics.refreshed == [((0, 1), {"a", "b c", "d"}), (None, {"a"})]


async def test_runs_without_the_key_come_last_either_way_and_nan_before(
    tracking: Tracking,
) -> None:
    await make(tracking, 6)
    values = [math.nan, 2.0, -math.inf, math.inf, math.nan]
    for number, value in enumerate(values):
        await log_latest(tracking, number, "m", value)

    ascending = await names(tracking, order_by=["metrics.m"])
    descending = await names(tracking, order_by=["metrics.m DESC"])

    assert ascending == ["2", "1", "3", "4", "0", "5"]
    assert descending == ["3", "1", "2", "4", "0", "5"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("= 2", "2"),
        ("!= 2", "4310"),
        ("< 2", "10"),
        ("<= 2", "210"),
        ("> 2", "3"),
        (">= 2", "32"),
        ("< inf", "210"),
        (">= -inf", "3210"),
        ("= 0", "1"),
        ("IS NULL", "5"),
        ("IS NOT NULL", "43210"),
    ],
)
async def test_metrics_compare_as_numbers_and_nan_differs_from_all(
    tracking: Tracking, condition: str, found: str
) -> None:
    await make(tracking, 6)
    for number, value in enumerate([-math.inf, -0.0, 2.0, math.inf, math.nan]):
        await log_latest(tracking, number, "m", value)
    everything = "543210"

    assert "".join(await names(tracking, filter=f"metrics.m {condition}")) == found
    others = "".join(number for number in everything if number not in found)
    assert "".join(await names(tracking, filter=f"NOT metrics.m {condition}")) == others


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("params.p = 'ABC'", ["1"]),
        ("params.p LIKE 'a%'", ["0"]),
        ("params.p ILIKE 'a%'", ["1", "0"]),
        ("params.p ILIKE 'STRASSE\\%'", ["2"]),
        ("params.p LIKE '%\\%'", ["2"]),
        ("params.p LIKE '_BC'", ["1"]),
        ("params.p != 'ABC'", ["2", "0"]),
        ("NOT params.p = 'ABC'", ["3", "2", "0"]),
        ("params.p IS NULL", ["3"]),
        ("params.p NOT IN ('ABC', 'x')", ["2", "0"]),
    ],
)
async def test_texts_compare_the_same_everywhere(
    tracking: Tracking, filter_: str, found: list[str]
) -> None:
    await make(tracking, 4)
    for number, value in enumerate(["abc", "ABC", "Straße\\"]):
        await tracking.core_runs.log(hex_id(number), params={"p": value})

    assert await names(tracking, filter=filter_) == found


async def test_texts_order_by_code_point(tracking: Tracking) -> None:
    texts = ["b", "B", "é", "z", "\uffff", "🦒", "a", "ab", ""]
    await make(tracking, len(texts))
    for number, text in enumerate(texts):
        await tracking.core_runs.log(hex_id(number), tags={"t": text})

    ordered = [texts[int(name)] for name in await names(tracking, order_by=["tags.t ASC"])]

    assert ordered == sorted(texts)


async def test_values_beyond_the_index_are_compared_to_their_end(tracking: Tracking) -> None:
    await make(tracking, 4)
    values = ["é" * 250, "é" * 250 + "a", "é" * 250 + "b", "é" * 249]
    for number, value in enumerate(values):
        await tracking.core_runs.log(hex_id(number), params={"p": value})

    for number, value in enumerate(values):
        assert await names(tracking, filter=f"params.p = '{value}'") == [str(number)]


async def test_filters_may_name_more_keys_than_an_engine_joins_tables(
    tracking: Tracking,
) -> None:
    await make(tracking, 2)
    await tracking.core_runs.log(hex_id(0), params={f"p{n}": str(n) for n in range(100)})
    for number in range(50):
        await tracking.insert(
            series,
            [
                {
                    "run_id": hex_id(0),
                    "series_id": number,
                    "key": f"m{number}",
                    "rank": -1,
                    "attempt": 0,
                    "last_value": float(number),
                    "last_is_nan": False,
                }
            ],
        )

    params = " AND ".join(f"params.p{n} LIKE '{n}%'" for n in range(100))
    metrics = " AND ".join(f"metrics.m{n} = {n} AND metrics.m{n} != -1" for n in range(50))
    order_by = [f"metrics.m{n}" for n in range(20)]

    assert await names(tracking, filter=params, order_by=order_by) == ["0"]
    assert await names(tracking, filter=metrics, order_by=order_by) == ["0"]
    assert await names(tracking, filter=f"NOT ({metrics})") == ["1"]


async def test_many_holders_of_a_value_are_found_like_few(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make(tracking, 6)
    for number in range(6):
        tags = {"parity": str(number % 2), "same": "1"}
        await tracking.core_runs.log(hex_id(number), tags=tags)
    filter_ = "tags.parity = '1' AND tags.same = '1' AND tags.same IN ('1', '2')"

    for limit in (1, 3, 1_000):
        monkeypatch.setattr("runstream_server.storage.search_pages.MAX_LISTED_HOLDERS", limit)
        assert await names(tracking, filter=filter_) == ["5", "3", "1"]
        assert await names(tracking, filter=filter_, experiment_ids=["0"]) == ["5", "3", "1"]
        assert await names(tracking, filter=filter_, experiment_ids=["1"]) == []


@pytest.mark.parametrize(
    ("fields", "reason", "metadata"),
    [
        (
            {"filter": "metrics.a >> 1"},
            "INVALID_FILTER",
            {"field": "filter", "value": "metrics.a >> 1", "position": "10"},
        ),
        (
            {"filter": "nonsense = '1'"},
            "INVALID_FILTER",
            {"field": "filter", "value": "nonsense = '1'", "position": "0"},
        ),
        (
            {"order_by": ["run_name", "nonsense"]},
            "INVALID_ORDER_BY",
            {"field": "order_by", "value": "nonsense"},
        ),
        (
            {"order_by": ["run_name", "run_name DESC"]},
            "INVALID_ORDER_BY",
            {"field": "order_by", "value": "run_name DESC"},
        ),
        ({"page_size": -1}, "INVALID_VALUE", {"field": "page_size", "value": "-1"}),
        ({"view_type": 4}, "INVALID_VALUE", {"field": "view_type", "value": "4"}),
        (
            {"experiment_ids": ["0", "x"]},
            "INVALID_VALUE",
            {"field": "experiment_ids[1]", "value": "x"},
        ),
        ({"experiment_ids": [""]}, "MISSING_VALUE", {"field": "experiment_ids[0]"}),
        (
            {"experiment_ids": ["0"] * 1_001},
            "TOO_MANY_ENTRIES",
            {"field": "experiment_ids", "count": "1001", "limit": "1000"},
        ),
    ],
)
async def test_bad_searches_are_refused_by_field(
    tracking: Tracking, fields: dict[str, Any], reason: str, metadata: dict[str, str]
) -> None:
    refusal = await tracking.refused(search(tracking, **fields))

    assert (refusal.reason, refusal.metadata) == (reason, metadata)


async def test_searches_at_once_share_the_readers(tracking: Tracking) -> None:
    await make(tracking, 3)

    answers: Sequence[pb.SearchRunsResponse] = await asyncio.gather(
        *(search(tracking, filter="metrics.a IS NULL") for _ in range(40))
    )

    assert all(len(answer.runs) == 3 for answer in answers)
