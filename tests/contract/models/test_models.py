"""The life of logged models: created, finalized, labelled, deleted."""

from collections.abc import Awaitable
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import (
    experiment_pb2,
    experiment_service_pb2 as experiment_pb,
    logged_model_pb2,
    logged_model_service_pb2 as pb,
    run_service_pb2,
)
from tests.contract.backends import on_sqlite_alone
from tests.contract.models.serving import Models, model_id, run_id

ID = model_id(1)


async def test_a_model_comes_back_as_it_was_created(models: Models) -> None:
    fields: dict[str, Any] = {
        "name": "digits é",
        "model_type": "Agent",
        "source_run_id": run_id(7),
        "params": {"depth": "3", "text": "v" * 65_535},
        "tags": {"team": "a"},
    }

    created = await models.create(1, **fields)
    got = await models.get(1)

    assert created == got
    assert (got.name, got.model_type, got.source_run_id) == ("digits é", "Agent", run_id(7))
    assert (dict(got.params), dict(got.tags)) == (fields["params"], fields["tags"])
    assert got.status == logged_model_pb2.LOGGED_MODEL_STATUS_PENDING
    assert got.lifecycle_stage == experiment_pb2.LIFECYCLE_STAGE_ACTIVE
    assert got.create_time == got.update_time
    assert got.artifact_uri == f"{models.artifacts_uri}/0/models/{ID}/artifacts"


async def test_a_model_from_elsewhere_keeps_its_time(models: Models) -> None:
    time = Timestamp(seconds=1_500_000_000, nanos=123_000_000)

    created = await models.create(1, create_time=time)

    assert (created.create_time, created.update_time) == (time, time)


async def test_a_model_lies_below_the_place_of_its_experiment(models: Models) -> None:
    request = experiment_pb.CreateExperimentRequest(name="e", artifact_location="s3://b/p/")
    experiment = (await models.experiments.CreateExperiment(request)).experiment

    model = await models.create(1, experiment_id=experiment.experiment_id)

    assert model.artifact_uri == f"s3://b/p/models/{ID}/artifacts"


async def test_ids_and_names_are_made_up(models: Models) -> None:
    request = pb.CreateLoggedModelRequest(experiment_id="0")
    answers = [await models.models.CreateLoggedModel(request) for _ in range(2)]

    assert all(answer.created for answer in answers)
    assert answers[0].model.model_id != answers[1].model.model_id
    assert all(len(answer.model.model_id) == 34 for answer in answers)
    assert all(answer.model.name for answer in answers)


async def test_creating_a_model_again_leaves_it_as_it_is(models: Models) -> None:
    await models.create(1, name="first")
    before = await models.stored()

    request = pb.CreateLoggedModelRequest(
        experiment_id="0", model_id=ID, name="second", tags={"a": "b"}
    )
    answer = await models.models.CreateLoggedModel(request)

    assert (answer.created, answer.model.name) == (False, "first")
    assert await models.stored() == before


async def test_a_model_of_another_experiment_is_in_the_way(models: Models) -> None:
    await models.create(1)
    request = experiment_pb.CreateExperimentRequest(name="e")
    other = (await models.experiments.CreateExperiment(request)).experiment.experiment_id

    refusal = await models.refused(models.create(1, experiment_id=other))

    assert refusal.reason == "MODEL_EXISTS"
    assert refusal.metadata == {"model_id": ID, "experiment_id": "0"}


async def test_only_active_experiments_take_models_and_keep_them(models: Models) -> None:
    await models.create(1)
    delete = experiment_pb.DeleteExperimentRequest(experiment_id="0")
    await models.experiments.DeleteExperiment(delete)

    assert (await models.refused(models.create(2))).reason == "EXPERIMENT_DELETED"
    unknown = models.create(2, experiment_id="77")
    assert (await models.refused(unknown)).reason == "EXPERIMENT_NOT_FOUND"
    assert (await models.get(1)).lifecycle_stage == experiment_pb2.LIFECYCLE_STAGE_ACTIVE
    assert await models.found() == [1]


@on_sqlite_alone  # what is checked before the database hears of it
@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"model_id": "m-1"}, "INVALID_VALUE", "model_id"),
        ({"model_id": "a" * 32}, "INVALID_VALUE", "model_id"),
        ({"experiment_id": ""}, "MISSING_VALUE", "experiment_id"),
        ({"experiment_id": "x"}, "INVALID_VALUE", "experiment_id"),
        ({"name": "a/b"}, "INVALID_VALUE", "name"),
        ({"name": "it's"}, "INVALID_VALUE", "name"),
        ({"name": "n" * 501}, "VALUE_TOO_LONG", "name"),
        ({"model_type": "n" * 501}, "VALUE_TOO_LONG", "model_type"),
        ({"source_run_id": "a\0"}, "INVALID_VALUE", "source_run_id"),
        ({"params": {"": "v"}}, "INVALID_KEY", "params"),
        ({"tags": {"k": "v" * 65_536}}, "VALUE_TOO_LONG", "tags['k']"),
        ({"tags": {str(n): "" for n in range(1_001)}}, "TOO_MANY_ENTRIES", "tags"),
    ],
)
async def test_what_breaks_a_rule_is_refused(
    models: Models, fields: dict[str, Any], reason: str, field: str
) -> None:
    given: dict[str, Any] = {"experiment_id": "0", **fields}
    request = pb.CreateLoggedModelRequest(**given)

    refusal = await models.refused(models.models.CreateLoggedModel(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_a_model_is_finalized_and_again_changes_nothing(models: Models) -> None:
    created = await models.create(1)
    request = pb.FinalizeLoggedModelRequest(
        model_id=ID, status=logged_model_pb2.LOGGED_MODEL_STATUS_READY, status_message="done"
    )

    ready = (await models.models.FinalizeLoggedModel(request)).model
    before = await models.stored()
    await models.models.FinalizeLoggedModel(request)

    assert (ready.status, ready.status_message) == (request.status, "done")
    assert ready.update_time.ToNanoseconds() > created.update_time.ToNanoseconds()
    assert await models.stored() == before


@pytest.mark.parametrize(("number", "reason"), [(0, "MISSING_VALUE"), (9, "INVALID_VALUE")])
async def test_a_status_has_to_be_one(models: Models, number: int, reason: str) -> None:
    await models.create(1)
    request = pb.FinalizeLoggedModelRequest(
        model_id=ID, status=logged_model_pb2.LoggedModelStatus.ValueType(number)
    )

    refusal = await models.refused(models.models.FinalizeLoggedModel(request))

    assert refusal.reason == reason


async def test_tags_are_set_over_others_and_deleted_all_or_none(models: Models) -> None:
    await models.create(1, tags={"a": "1", "b": "2"})

    tags = {"b": "3", "é/": ""}
    await models.models.SetLoggedModelTags(pb.SetLoggedModelTagsRequest(model_id=ID, tags=tags))
    request = pb.DeleteLoggedModelTagsRequest(model_id=ID, keys=["a", "c"])
    refusal = await models.refused(models.models.DeleteLoggedModelTags(request))
    request = pb.DeleteLoggedModelTagsRequest(model_id=ID, keys=["a"])
    await models.models.DeleteLoggedModelTags(request)

    assert (refusal.reason, refusal.metadata) == ("TAG_NOT_FOUND", {"key": "c"})
    assert dict((await models.get(1)).tags) == {"b": "3", "é/": ""}


async def test_params_are_written_once(models: Models) -> None:
    await models.create(1, params={"a": "1"})

    same = pb.LogLoggedModelParamsRequest(model_id=ID, params={"a": "1", "b": "2"})
    await models.models.LogLoggedModelParams(same)
    await models.models.LogLoggedModelParams(same)
    other = pb.LogLoggedModelParamsRequest(model_id=ID, params={"c": "3", "a": "2"})
    refusal = await models.refused(models.models.LogLoggedModelParams(other))

    assert refusal.reason == "PARAM_CONFLICT"
    assert refusal.metadata == {"key": "a", "stored": "1", "given": "2"}
    assert dict((await models.get(1)).params) == {"a": "1", "b": "2"}


async def test_a_deleted_model_is_found_only_when_asked_for_and_stays_changeable(
    models: Models,
) -> None:
    await models.create(1)
    request = pb.DeleteLoggedModelRequest(model_id=ID)

    deleted = (await models.models.DeleteLoggedModel(request)).model
    before = await models.stored()
    await models.models.DeleteLoggedModel(request)
    again = await models.stored()
    refusal = await models.refused(models.get(1))
    tags = pb.SetLoggedModelTagsRequest(model_id=ID, tags={"a": "1"})
    await models.models.SetLoggedModelTags(tags)

    assert deleted.lifecycle_stage == experiment_pb2.LIFECYCLE_STAGE_DELETED
    assert again == before
    assert (refusal.reason, refusal.metadata) == ("MODEL_NOT_FOUND", {"model_id": ID})
    assert (await models.get(1, allow_deleted=True)).tags["a"] == "1"
    assert await models.found() == []
    assert await models.found(view_type=experiment_pb2.VIEW_TYPE_DELETED_ONLY) == [1]
    assert await models.found(view_type=experiment_pb2.VIEW_TYPE_ALL) == [1]


async def test_deleting_a_run_leaves_its_models(models: Models) -> None:
    await models.run(7)
    await models.create(1, source_run_id=run_id(7))

    await models.runs.DeleteRun(run_service_pb2.DeleteRunRequest(run_id=run_id(7)))

    assert await models.found() == [1]


async def test_an_unknown_model_is_not_found(models: Models) -> None:
    stub = models.models
    ready = logged_model_pb2.LOGGED_MODEL_STATUS_READY
    calls: list[Awaitable[Any]] = [
        stub.GetLoggedModel(pb.GetLoggedModelRequest(model_id=ID, allow_deleted=True)),
        stub.FinalizeLoggedModel(pb.FinalizeLoggedModelRequest(model_id=ID, status=ready)),
        stub.DeleteLoggedModel(pb.DeleteLoggedModelRequest(model_id=ID)),
        stub.SetLoggedModelTags(pb.SetLoggedModelTagsRequest(model_id=ID, tags={"a": ""})),
        stub.DeleteLoggedModelTags(pb.DeleteLoggedModelTagsRequest(model_id=ID, keys=["a"])),
        stub.LogLoggedModelParams(pb.LogLoggedModelParamsRequest(model_id=ID, params={"a": ""})),
        stub.ListLoggedModelMetrics(pb.ListLoggedModelMetricsRequest(model_id=ID)),
    ]

    for call in calls:
        assert (await models.refused(call)).reason == "MODEL_NOT_FOUND"
