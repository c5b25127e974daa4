"""What ExperimentService promises, apart from searches."""

import asyncio
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import experiment_pb2, experiment_service_pb2 as pb, run_service_pb2
from tests.contract.tracking.serving import ROOT_URI, Tracking, hex_id

ACTIVE = experiment_pb2.LIFECYCLE_STAGE_ACTIVE
DELETED = experiment_pb2.LIFECYCLE_STAGE_DELETED


async def create(
    tracking: Tracking,
    name: str,
    **fields: Any,  # noqa: ANN401 - any of the request's fields
) -> experiment_pb2.Experiment:
    request = pb.CreateExperimentRequest(name=name, **fields)
    return (await tracking.experiments.CreateExperiment(request)).experiment


async def get(tracking: Tracking, experiment_id: str) -> experiment_pb2.Experiment:
    request = pb.GetExperimentRequest(experiment_id=experiment_id)
    return (await tracking.experiments.GetExperiment(request)).experiment


async def delete(tracking: Tracking, experiment_id: str) -> experiment_pb2.Experiment:
    request = pb.DeleteExperimentRequest(experiment_id=experiment_id)
    return (await tracking.experiments.DeleteExperiment(request)).experiment


async def restore(tracking: Tracking, experiment_id: str) -> experiment_pb2.Experiment:
    request = pb.RestoreExperimentRequest(experiment_id=experiment_id)
    return (await tracking.experiments.RestoreExperiment(request)).experiment


async def test_the_experiment_default_exists_from_the_start(tracking: Tracking) -> None:
    default = await get(tracking, "0")

    assert (default.name, default.lifecycle_stage) == ("Default", ACTIVE)
    assert default.artifact_location == f"{ROOT_URI}/0"


async def test_an_experiment_comes_back_as_it_was_created(tracking: Tracking) -> None:
    created = await create(tracking, "vision/ß 🦒", tags={"team": "a", "ключ": ""})

    assert created.experiment_id == "1"
    assert created.name == "vision/ß 🦒"
    assert created.tags == {"team": "a", "ключ": ""}
    assert created.artifact_location == f"{ROOT_URI}/1"
    assert created.create_time == created.update_time
    assert created.create_time.seconds > 1_700_000_000
    assert await get(tracking, "1") == created
    by_name = pb.GetExperimentByNameRequest(name="vision/ß 🦒")
    assert (await tracking.experiments.GetExperimentByName(by_name)).experiment == created


async def test_an_experiment_records_where_its_artifacts_lie(tracking: Tracking) -> None:
    created = await create(tracking, "far", artifact_location="s3://bucket/prefix")
    run = await tracking.run(1, experiment_id=created.experiment_id)

    assert created.artifact_location == "s3://bucket/prefix"
    assert run.artifact_uri == f"s3://bucket/prefix/{hex_id(1)}/artifacts"


async def test_an_experiment_from_elsewhere_keeps_its_id_and_time(tracking: Tracking) -> None:
    time = Timestamp(seconds=1_500_000_000, nanos=123_000_000)

    wished = await create(tracking, "old", experiment_id="471082139823498723", create_time=time)
    following = await create(tracking, "new")

    assert wished.experiment_id == "471082139823498723"
    assert (wished.create_time, wished.update_time) == (time, time)
    assert wished.artifact_location == f"{ROOT_URI}/471082139823498723"
    assert await get(tracking, "471082139823498723") == wished
    assert following.experiment_id == "471082139823498724"


async def test_an_id_is_taken_once(tracking: Tracking) -> None:
    await create(tracking, "a", experiment_id="7")

    refusal = await tracking.refused(create(tracking, "b", experiment_id="7"))

    assert refusal.reason == "EXPERIMENT_EXISTS"
    assert refusal.metadata == {"name": "a", "experiment_id": "7"}
    by_name = await create(tracking, "a", experiment_id="8", get_if_exists=True)
    assert by_name.experiment_id == "7"


@pytest.mark.parametrize("wished", ["0", "-1", "x", "07", "1000000000000000000"])
async def test_an_id_that_cannot_be_wished_for_is_refused(tracking: Tracking, wished: str) -> None:
    refusal = await tracking.refused(create(tracking, "a", experiment_id=wished))

    assert refusal.reason == "INVALID_VALUE"
    assert refusal.metadata["field"] == "experiment_id"


async def test_a_time_of_creation_before_1970_is_refused(tracking: Tracking) -> None:
    before = Timestamp(seconds=-1)

    refusal = await tracking.refused(create(tracking, "a", create_time=before))

    assert (refusal.reason, refusal.metadata["field"]) == ("INVALID_VALUE", "create_time")


async def test_a_name_is_taken_once_by_deleted_experiments_too(tracking: Tracking) -> None:
    taken = await create(tracking, "a")
    await delete(tracking, taken.experiment_id)

    refusal = await tracking.refused(create(tracking, "a"))

    assert refusal.reason == "EXPERIMENT_EXISTS"
    assert refusal.metadata == {"name": "a", "experiment_id": taken.experiment_id}
    again = await tracking.refused(create(tracking, "a", get_if_exists=True))
    assert again.reason == "EXPERIMENT_EXISTS"


async def test_get_if_exists_answers_with_the_existing_one_as_it_is(tracking: Tracking) -> None:
    first = await create(tracking, "a", tags={"k": "1"})
    request = pb.CreateExperimentRequest(name="a", tags={"k": "2"}, get_if_exists=True)

    second = await tracking.experiments.CreateExperiment(request)

    assert not second.created
    assert second.experiment == first


async def test_one_of_many_that_create_a_name_at_once_creates_it(tracking: Tracking) -> None:
    request = pb.CreateExperimentRequest(name="a", get_if_exists=True)

    answers = await asyncio.gather(
        *(tracking.experiments.CreateExperiment(request) for _ in range(30))
    )

    assert [answer.created for answer in answers].count(True) == 1
    assert len({answer.experiment.experiment_id for answer in answers}) == 1


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({}, "MISSING_VALUE", "name"),
        ({"name": "x" * 501}, "VALUE_TOO_LONG", "name"),
        ({"name": "a\nb"}, "INVALID_VALUE", "name"),
        ({"name": "a\x00b"}, "INVALID_VALUE", "name"),
        ({"name": "a", "tags": {"": "x"}}, "INVALID_KEY", "tags"),
        ({"name": "a", "tags": {"k" * 251: "x"}}, "INVALID_KEY", "tags"),
        ({"name": "a", "tags": {"k\t": "x"}}, "INVALID_KEY", "tags"),
        ({"name": "a", "tags": {"k": "x" * 20001}}, "VALUE_TOO_LONG", "tags['k']"),
        ({"name": "a", "tags": {"k": "\x00"}}, "INVALID_VALUE", "tags['k']"),
        (
            {"name": "a", "tags": {str(n): "" for n in range(1001)}},
            "TOO_MANY_ENTRIES",
            "tags",
        ),
        ({"name": "a", "artifact_location": "s3://b#f"}, "INVALID_VALUE", "artifact_location"),
        ({"name": "a", "artifact_location": "s3://b?q"}, "INVALID_VALUE", "artifact_location"),
        ({"name": "a", "artifact_location": "folder"}, "INVALID_VALUE", "artifact_location"),
        (
            {"name": "a", "artifact_location": "s3://" + "b" * 2044},
            "VALUE_TOO_LONG",
            "artifact_location",
        ),
    ],
)
async def test_bad_experiments_are_refused_by_field(
    tracking: Tracking, fields: dict[str, Any], reason: str, field: str
) -> None:
    request = pb.CreateExperimentRequest(**fields)

    refusal = await tracking.refused(tracking.experiments.CreateExperiment(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)
    assert field in refusal.message


async def test_the_greatest_texts_that_are_allowed_come_back(tracking: Tracking) -> None:
    name, key, value = "é" * 500, "ы" * 250, "🦒" * 5000

    created = await create(tracking, name, tags={key: value})

    assert (created.name, dict(created.tags)) == (name, {key: value})


@pytest.mark.parametrize(
    ("experiment_id", "reason"),
    [
        ("", "MISSING_VALUE"),
        ("x", "INVALID_VALUE"),
        ("-1", "INVALID_VALUE"),
        ("01", "INVALID_VALUE"),
        ("9223372036854775808", "INVALID_VALUE"),
        ("9223372036854775807", "EXPERIMENT_NOT_FOUND"),
        ("7", "EXPERIMENT_NOT_FOUND"),
    ],
)
async def test_ids_that_name_nothing_are_refused_everywhere(
    tracking: Tracking, experiment_id: str, reason: str
) -> None:
    service = tracking.experiments
    update = pb.UpdateExperimentRequest(
        experiment=experiment_pb2.Experiment(experiment_id=experiment_id, name="n")
    )
    calls: list[tuple[Any, Any]] = [
        (service.GetExperiment, pb.GetExperimentRequest(experiment_id=experiment_id)),
        (service.UpdateExperiment, update),
        (service.DeleteExperiment, pb.DeleteExperimentRequest(experiment_id=experiment_id)),
        (service.RestoreExperiment, pb.RestoreExperimentRequest(experiment_id=experiment_id)),
        (
            service.SetExperimentTags,
            pb.SetExperimentTagsRequest(experiment_id=experiment_id, tags={"a": "b"}),
        ),
        (
            service.DeleteExperimentTags,
            pb.DeleteExperimentTagsRequest(experiment_id=experiment_id, keys=["a"]),
        ),
    ]

    for call, request in calls:
        refusal = await tracking.refused(call(request))
        assert refusal.reason == reason
        if reason == "EXPERIMENT_NOT_FOUND":
            assert refusal.metadata == {"experiment_id": experiment_id}


async def test_names_that_name_nothing_are_refused(tracking: Tracking) -> None:
    get_by_name = tracking.experiments.GetExperimentByName

    unknown = await tracking.refused(get_by_name(pb.GetExperimentByNameRequest(name="default")))
    missing = await tracking.refused(get_by_name(pb.GetExperimentByNameRequest()))

    assert (unknown.reason, unknown.metadata) == ("EXPERIMENT_NOT_FOUND", {"name": "default"})
    assert (missing.reason, missing.metadata) == ("MISSING_VALUE", {"field": "name"})


async def test_an_experiment_is_renamed(tracking: Tracking) -> None:
    created = await create(tracking, "a", tags={"k": "v"})
    request = pb.UpdateExperimentRequest(
        experiment=experiment_pb2.Experiment(experiment_id="1", name="b"),
        update_mask=FieldMask(paths=["name"]),
    )

    renamed = (await tracking.experiments.UpdateExperiment(request)).experiment
    again = (await tracking.experiments.UpdateExperiment(request)).experiment

    assert (renamed.name, dict(renamed.tags)) == ("b", {"k": "v"})
    assert renamed.update_time.ToNanoseconds() > created.update_time.ToNanoseconds()
    assert again == renamed
    assert (await create(tracking, "a")).experiment_id == "2"


async def test_an_experiment_that_was_read_is_renamed_without_a_mask(tracking: Tracking) -> None:
    experiment = await create(tracking, "a", tags={"k": "v"})
    experiment.name = "b"

    request = pb.UpdateExperimentRequest(experiment=experiment)
    renamed = (await tracking.experiments.UpdateExperiment(request)).experiment

    assert (renamed.name, dict(renamed.tags)) == ("b", {"k": "v"})


async def test_nothing_but_the_name_is_updated(tracking: Tracking) -> None:
    await create(tracking, "a", tags={"k": "v"})
    changed = experiment_pb2.Experiment(experiment_id="1", name="b", tags={"k": "w"})
    unmasked = pb.UpdateExperimentRequest(experiment=changed)
    masked = pb.UpdateExperimentRequest(
        experiment=changed, update_mask=FieldMask(paths=["name", "tags"])
    )
    nameless = pb.UpdateExperimentRequest(experiment=experiment_pb2.Experiment(experiment_id="1"))

    refusals = [
        await tracking.refused(tracking.experiments.UpdateExperiment(request))
        for request in (unmasked, masked, nameless)
    ]

    assert [(r.reason, r.metadata["field"]) for r in refusals] == [
        ("INVALID_VALUE", "experiment.tags"),
        ("INVALID_VALUE", "update_mask"),
        ("MISSING_VALUE", "experiment.name"),
    ]


async def test_a_taken_name_cannot_be_given(tracking: Tracking) -> None:
    await create(tracking, "a")
    request = pb.UpdateExperimentRequest(
        experiment=experiment_pb2.Experiment(experiment_id="1", name="Default")
    )

    refusal = await tracking.refused(tracking.experiments.UpdateExperiment(request))

    assert refusal.reason == "EXPERIMENT_EXISTS"
    assert refusal.metadata == {"name": "Default", "experiment_id": "0"}


async def test_deleting_takes_the_runs_along_and_restoring_brings_all_back(
    tracking: Tracking,
) -> None:
    await create(tracking, "a")
    await tracking.run(1, experiment_id="1")
    await tracking.run(2, experiment_id="1")
    await tracking.run(3, experiment_id="0")
    delete_run = run_service_pb2.DeleteRunRequest(run_id=hex_id(2))
    await tracking.runs.DeleteRun(delete_run)

    deleted = await delete(tracking, "1")
    stages = [(await tracking.get(number)).lifecycle_stage for number in (1, 2, 3)]
    restored = await restore(tracking, "1")
    stages_after = [(await tracking.get(number)).lifecycle_stage for number in (1, 2, 3)]

    assert deleted.lifecycle_stage == DELETED
    assert stages == [DELETED, DELETED, ACTIVE]
    assert restored.lifecycle_stage == ACTIVE
    assert stages_after == [ACTIVE, ACTIVE, ACTIVE]


async def test_deleting_and_restoring_twice_changes_nothing_more(tracking: Tracking) -> None:
    await create(tracking, "a")

    first = await delete(tracking, "1")
    assert await delete(tracking, "1") == first
    assert await get(tracking, "1") == first
    back = await restore(tracking, "1")
    assert await restore(tracking, "1") == back


async def test_deleting_an_experiment_wakes_those_who_watch_its_runs(tracking: Tracking) -> None:
    await tracking.run(1)

    with tracking.signals.watch(hex_id(1)) as watch:
        await delete(tracking, "0")

        assert await watch.wait(0)


async def test_a_deleted_experiment_refuses_writes(tracking: Tracking) -> None:
    await create(tracking, "a", tags={"k": "v"})
    await delete(tracking, "1")
    service = tracking.experiments
    renamed = experiment_pb2.Experiment(experiment_id="1", name="b")
    create_run = tracking.runs.CreateRun
    calls: list[tuple[Any, Any]] = [
        (service.UpdateExperiment, pb.UpdateExperimentRequest(experiment=renamed)),
        (
            service.SetExperimentTags,
            pb.SetExperimentTagsRequest(experiment_id="1", tags={"k": "w"}),
        ),
        (
            service.DeleteExperimentTags,
            pb.DeleteExperimentTagsRequest(experiment_id="1", keys=["k"]),
        ),
        (create_run, run_service_pb2.CreateRunRequest(experiment_id="1")),
        (create_run, run_service_pb2.CreateRunRequest(experiment_name="a")),
    ]

    for call, request in calls:
        refusal = await tracking.refused(call(request))
        assert refusal.reason == "EXPERIMENT_DELETED"
        assert refusal.metadata == {"experiment_id": "1"}


async def test_tags_are_set_over_others_and_deleted(tracking: Tracking) -> None:
    created = await create(tracking, "a", tags={"a": "1", "b": "2"})
    set_tags, delete_tags = (
        tracking.experiments.SetExperimentTags,
        tracking.experiments.DeleteExperimentTags,
    )

    tagged = await set_tags(
        pb.SetExperimentTagsRequest(experiment_id="1", tags={"b": "3", "c": "4"})
    )
    left = await delete_tags(
        pb.DeleteExperimentTagsRequest(experiment_id="1", keys=["a", "c", "a"])
    )

    assert tagged.experiment.tags == {"a": "1", "b": "3", "c": "4"}
    assert left.experiment.tags == {"b": "3"}
    assert left.experiment.update_time.ToNanoseconds() > created.update_time.ToNanoseconds()
    assert await get(tracking, "1") == left.experiment


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({}, "MISSING_VALUE"),
        ({"ok": "1", "": "2"}, "INVALID_KEY"),
        ({"ok": "1", "k": "v" * 20001}, "VALUE_TOO_LONG"),
        ({str(n): "" for n in range(1001)}, "TOO_MANY_ENTRIES"),
    ],
)
async def test_bad_tags_are_refused_and_none_is_set(
    tracking: Tracking, tags: dict[str, str], reason: str
) -> None:
    request = pb.SetExperimentTagsRequest(experiment_id="0", tags=tags)

    refusal = await tracking.refused(tracking.experiments.SetExperimentTags(request))

    assert refusal.reason == reason


async def test_tags_that_are_not_there_are_not_deleted_nor_others_with_them(
    tracking: Tracking,
) -> None:
    await create(tracking, "a", tags={"a": "1"})
    delete_tags = tracking.experiments.DeleteExperimentTags

    absent = await tracking.refused(
        delete_tags(pb.DeleteExperimentTagsRequest(experiment_id="1", keys=["a", "b"]))
    )
    nothing = await tracking.refused(delete_tags(pb.DeleteExperimentTagsRequest(experiment_id="1")))
    many = await tracking.refused(
        delete_tags(pb.DeleteExperimentTagsRequest(experiment_id="1", keys=["a"] * 1001))
    )

    assert (absent.reason, absent.metadata) == ("TAG_NOT_FOUND", {"key": "b"})
    assert (nothing.reason, nothing.metadata) == ("MISSING_VALUE", {"field": "keys"})
    assert many.reason == "TOO_MANY_ENTRIES"
