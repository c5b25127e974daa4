"""Params, which are written once, and tags, which are not."""

import pytest

from runstream.v1 import run_service_pb2 as pb
from runstream_server.core.errors import Failure
from tests.contract.tracking.serving import Tracking, hex_id

RUN = hex_id(1)


async def log_params(tracking: Tracking, params: dict[str, str], run_id: str = RUN) -> None:
    await tracking.runs.LogParams(pb.LogParamsRequest(run_id=run_id, params=params))


async def set_tags(tracking: Tracking, tags: dict[str, str], run_id: str = RUN) -> None:
    await tracking.runs.SetTags(pb.SetTagsRequest(run_id=run_id, tags=tags))


async def delete_tags(tracking: Tracking, keys: list[str]) -> None:
    await tracking.runs.DeleteTags(pb.DeleteTagsRequest(run_id=RUN, keys=keys))


async def test_params_come_back_as_they_were_written(tracking: Tracking) -> None:
    before = await tracking.run(1)
    params = {"lr": "0.1", "é" * 250: "🦒" * 6000, "empty": "", "acc@5 / x": " a\nb "}

    await log_params(tracking, params)
    await log_params(tracking, {"more": "1"})
    run = await tracking.get(1)

    assert run.params == {**params, "more": "1"}
    assert run.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()


async def test_the_same_param_again_is_accepted_and_changes_nothing(tracking: Tracking) -> None:
    await tracking.run(1)
    await log_params(tracking, {"lr": "0.1"})
    before = await tracking.stored()

    await log_params(tracking, {"lr": "0.1"})

    assert await tracking.stored() == before


async def test_another_value_is_a_conflict_that_writes_no_param(tracking: Tracking) -> None:
    await tracking.run(1)
    await log_params(tracking, {"lr": "0.1"})
    request = pb.LogParamsRequest(run_id=RUN, params={"a": "1", "lr": "0.2", "z": "2"})

    refusal = await tracking.refused(tracking.runs.LogParams(request))

    assert refusal.reason == "PARAM_CONFLICT"
    assert refusal.metadata == {"key": "lr", "stored": "0.1", "given": "0.2"}
    assert "'0.1'" in refusal.message
    assert "'0.2'" in refusal.message


async def test_params_of_runs_are_apart(tracking: Tracking) -> None:
    await tracking.run(1)
    await tracking.run(2)

    await log_params(tracking, {"lr": "1"})
    await log_params(tracking, {"lr": "2"}, hex_id(2))

    assert (await tracking.get(1)).params == {"lr": "1"}
    assert (await tracking.get(2)).params == {"lr": "2"}


BAD_LABELS: list[tuple[dict[str, str], str, str]] = [
    ({}, "MISSING_VALUE", "{}"),
    ({"ok": "", "": ""}, "INVALID_KEY", "{}"),
    ({"ok": "", "k" * 251: ""}, "INVALID_KEY", "{}"),
    ({"ok": "", "a\x9fb": ""}, "INVALID_KEY", "{}"),
    ({"ok": "", "k": "a\x00b"}, "INVALID_VALUE", "{}['k']"),
    ({str(n): "" for n in range(1001)}, "TOO_MANY_ENTRIES", "{}"),
]


@pytest.mark.parametrize(
    ("params", "reason", "field"),
    [*BAD_LABELS, ({"ok": "", "k": "v" * 6001}, "VALUE_TOO_LONG", "{}['k']")],
)
async def test_bad_params_are_refused_and_none_is_written(
    tracking: Tracking, params: dict[str, str], reason: str, field: str
) -> None:
    await tracking.run(1)
    request = pb.LogParamsRequest(run_id=RUN, params=params)

    refusal = await tracking.refused(tracking.runs.LogParams(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field.format("params"))


@pytest.mark.parametrize(
    ("tags", "reason", "field"),
    [
        *BAD_LABELS,
        ({"ok": "", "k": "v" * 8001}, "VALUE_TOO_LONG", "{}['k']"),
        ({"ok": "", "mlflow.runName": ""}, "MISSING_VALUE", "{}['mlflow.runName']"),
        ({"ok": "", "mlflow.runName": "n" * 501}, "VALUE_TOO_LONG", "{}['mlflow.runName']"),
    ],
)
async def test_bad_tags_are_refused_and_none_is_set(
    tracking: Tracking, tags: dict[str, str], reason: str, field: str
) -> None:
    await tracking.run(1)
    request = pb.SetTagsRequest(run_id=RUN, tags=tags)

    refusal = await tracking.refused(tracking.runs.SetTags(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field.format("tags"))


async def test_the_lengths_of_a_refused_value_are_told(tracking: Tracking) -> None:
    await tracking.run(1)
    request = pb.LogParamsRequest(run_id=RUN, params={"k": "é" * 6001})

    refusal = await tracking.refused(tracking.runs.LogParams(request))

    assert refusal.metadata == {"field": "params['k']", "length": "6001", "limit": "6000"}


async def test_tags_are_set_over_others(tracking: Tracking) -> None:
    await tracking.run(1, name="n", tags={"a": "1", "b": "2"})

    await set_tags(tracking, {"b": "3", "c": "é" * 8000, "🦒": ""})

    assert (await tracking.get(1)).tags == {
        "mlflow.runName": "n",
        "a": "1",
        "b": "3",
        "c": "é" * 8000,
        "🦒": "",
    }


async def test_the_same_tags_again_change_nothing(tracking: Tracking) -> None:
    await tracking.run(1, tags={"a": "1"})
    before = await tracking.stored()

    await set_tags(tracking, {"a": "1"})

    assert await tracking.stored() == before


async def test_user_and_parent_follow_their_tags(tracking: Tracking) -> None:
    await tracking.run(1, user="ada")

    await set_tags(tracking, {"mlflow.user": "bob", "mlflow.parentRunId": "p"})
    tagged = await tracking.get(1)
    await delete_tags(tracking, ["mlflow.user", "mlflow.parentRunId"])
    untagged = await tracking.get(1)

    assert (tagged.user, tagged.parent_run_id) == ("bob", "p")
    assert (untagged.user, untagged.parent_run_id) == ("", "")


async def test_tags_are_deleted_all_or_none(tracking: Tracking) -> None:
    await tracking.run(1, name="n", tags={"a": "1", "b": "2", "c": "3"})

    await delete_tags(tracking, ["a", "b", "a"])
    request = pb.DeleteTagsRequest(run_id=RUN, keys=["c", "a"])
    refusal = await tracking.refused(tracking.runs.DeleteTags(request))

    assert (refusal.reason, refusal.metadata) == ("TAG_NOT_FOUND", {"key": "a"})
    assert (await tracking.get(1)).tags == {"mlflow.runName": "n", "c": "3"}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ([], "MISSING_VALUE"),
        (["k"] * 1001, "TOO_MANY_ENTRIES"),
        (["mlflow.runName"], "INVALID_VALUE"),
    ],
)
async def test_what_cannot_be_deleted_is_refused(
    tracking: Tracking, keys: list[str], reason: str
) -> None:
    await tracking.run(1)
    request = pb.DeleteTagsRequest(run_id=RUN, keys=keys)

    refusal = await tracking.refused(tracking.runs.DeleteTags(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, "keys")


async def test_params_and_tags_are_written_together_or_not_at_all(tracking: Tracking) -> None:
    await tracking.run(1, name="n")
    await tracking.core_runs.log(RUN, params={"p": "1"}, tags={"t": "1"})

    before = await tracking.stored()
    with pytest.raises(Failure, match="'p'"):
        await tracking.core_runs.log(RUN, params={"p": "2"}, tags={"t": "2"})

    run = await tracking.get(1)
    assert (dict(run.params), run.tags["t"]) == ({"p": "1"}, "1")
    assert await tracking.stored() == before
