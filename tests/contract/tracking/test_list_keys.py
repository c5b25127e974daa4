"""ListKeys: what completion and the choice of columns offer; and showing only some keys."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream.v1 import run_service_pb2 as pb
from runstream_server.core.latest import LatestPoint, RunMetrics
from runstream_server.storage import name_rows
from runstream_server.storage.name_rows import SeriesName
from tests.contract.tracking.serving import Tracking, hex_id


async def listed(tracking: Tracking, kind: "pb.KeyKind.ValueType", **more: Any) -> list[str]:  # noqa: ANN401
    """Returns the keys of all pages."""
    request = pb.ListKeysRequest(kind=kind, **more)
    keys: list[str] = []
    while True:
        page = await tracking.runs.ListKeys(request)
        keys += page.keys
        if not page.next_page_token:
            return keys
        request.page_token = page.next_page_token


async def log(tracking: Tracking, number: int, *params: str) -> None:
    values = dict.fromkeys(params, "v")
    await tracking.runs.LogParams(pb.LogParamsRequest(run_id=hex_id(number), params=values))


async def log_metrics(tracking: Tracking, number: int, *keys: str) -> None:
    names = {SeriesName(key, 0, 0): n for n, key in enumerate(keys)}

    async def work(connection: AsyncConnection) -> None:
        await name_rows.insert_series(connection, hex_id(number), names)

    await tracking.database.write(work)


async def test_keys_come_once_and_in_the_order_of_code_points(tracking: Tracking) -> None:
    for number in (1, 2):
        await tracking.run(number)
        await log(tracking, number, "lr", "Zeta", "épochs", "\U0001d4b3", f"only-{number}")
        await log_metrics(tracking, number, "loss", f"acc@{number}")

    assert await listed(tracking, pb.KEY_KIND_PARAM) == [
        "Zeta", "lr", "only-1", "only-2", "épochs", "\U0001d4b3",
    ]  # fmt: skip
    assert await listed(tracking, pb.KEY_KIND_METRIC) == ["acc@1", "acc@2", "loss"]
    assert await listed(tracking, pb.KEY_KIND_TAG) == ["mlflow.runName"]
    assert await listed(tracking, pb.KEY_KIND_PARAM, page_size=1, prefix="only") == [
        "only-1",
        "only-2",
    ]


async def test_only_the_keys_of_the_experiments_asked_for_are_listed(tracking: Tracking) -> None:
    for number in (1, 2):
        name = f"experiment {number}"
        request = pb.CreateRunRequest(run_id=hex_id(number), experiment_name=name)
        await tracking.runs.CreateRun(request)
        await log(tracking, number, "both", f"only-{number}")

    assert await listed(tracking, pb.KEY_KIND_PARAM, experiment_ids=["1"]) == ["both", "only-1"]
    assert await listed(tracking, pb.KEY_KIND_PARAM, experiment_ids=["2", "7"]) == [
        "both",
        "only-2",
    ]
    assert await listed(tracking, pb.KEY_KIND_PARAM, experiment_ids=["7"]) == []


@pytest.mark.parametrize("prefix", ["%", "_", "a\\", "a%", "\U0010ffff"])
async def test_a_prefix_is_taken_as_it_is(tracking: Tracking, prefix: str) -> None:
    await tracking.run(1)
    await log(tracking, 1, "abc", f"{prefix}b", f"{prefix}\U0010ffff\U0010ffff", "x")

    assert await listed(tracking, pb.KEY_KIND_PARAM, prefix=prefix) == [
        f"{prefix}b",
        f"{prefix}\U0010ffff\U0010ffff",
    ]


async def test_a_question_that_makes_no_sense_is_refused(tracking: Tracking) -> None:
    call = tracking.runs.ListKeys
    refused = [
        (pb.ListKeysRequest(), "MISSING_VALUE"),
        (pb.ListKeysRequest.FromString(b"\x10\x09"), "INVALID_VALUE"),
        (pb.ListKeysRequest(kind=pb.KEY_KIND_TAG, page_size=-1), "INVALID_VALUE"),
        (pb.ListKeysRequest(kind=pb.KEY_KIND_TAG, page_token="x"), "INVALID_PAGE_TOKEN"),
        (pb.ListKeysRequest(kind=pb.KEY_KIND_TAG, prefix="x" * 251), "VALUE_TOO_LONG"),
    ]
    for request, reason in refused:
        assert (await tracking.refused(call(request))).reason == reason


async def test_a_search_shows_only_the_keys_asked_for(tracking: Tracking) -> None:
    parent = hex_id(9)
    tags = {"mlflow.source.git.commit": "abc", "team": "x", "other": "y"}
    request = pb.CreateRunRequest(
        run_id=hex_id(1), experiment_id="0", tags=tags, parent_run_id=parent
    )
    await tracking.runs.CreateRun(request)
    await log(tracking, 1, "lr", "width")
    points = [LatestPoint(key, None, 1, 2, 0.5, -1.0, 3.0) for key in ("acc", "loss")]
    tracking.metrics.by_run[hex_id(1)] = RunMetrics(4, points)

    search = pb.SearchRunsRequest(
        param_keys=pb.KeySet(keys=["lr", "none"]),
        tag_keys=pb.KeySet(keys=["team"]),
        metric_keys=pb.KeySet(keys=["loss"]),
    )
    (run,) = (await tracking.runs.SearchRuns(search)).runs

    assert dict(run.params) == {"lr": "v"}
    assert dict(run.tags) == {"team": "x"}
    assert (run.parent_run_id, run.source.git_commit) == (parent, "abc")
    assert [(one.key, one.min, one.max) for one in run.metrics] == [("loss", -1.0, 3.0)]

    nothing = pb.KeySet()
    search = pb.SearchRunsRequest(param_keys=nothing, tag_keys=nothing, metric_keys=nothing)
    (run,) = (await tracking.runs.SearchRuns(search)).runs
    assert (dict(run.params), dict(run.tags), list(run.metrics)) == ({}, {}, [])


async def test_other_keys_may_be_shown_on_the_next_page(tracking: Tracking) -> None:
    for number in (1, 2):
        await tracking.run(number)
        await log(tracking, number, "lr")
    first = await tracking.runs.SearchRuns(pb.SearchRunsRequest(page_size=1))

    request = pb.SearchRunsRequest(
        page_token=first.next_page_token, param_keys=pb.KeySet(), omit_metrics=True
    )
    (run,) = (await tracking.runs.SearchRuns(request)).runs

    assert run.run_id != first.runs[0].run_id
    assert not run.params


async def test_too_many_keys_to_show_are_refused(tracking: Tracking) -> None:
    keys = pb.KeySet(keys=[f"{n}" for n in range(1001)])
    refused = await tracking.refused(tracking.runs.SearchRuns(pb.SearchRunsRequest(tag_keys=keys)))
    assert (refused.reason, refused.metadata["field"]) == ("TOO_MANY_ENTRIES", "tag_keys.keys")
