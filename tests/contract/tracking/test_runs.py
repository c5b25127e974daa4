"""The life of a run between its creation and its end: read, renamed, deleted, restored."""

from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import experiment_pb2, experiment_service_pb2, run_pb2, run_service_pb2 as pb
from runstream_server.core.latest import LatestPoint, RunMetrics
from tests.contract.tracking.serving import Tracking, hex_id

ACTIVE = experiment_pb2.LIFECYCLE_STAGE_ACTIVE
DELETED = experiment_pb2.LIFECYCLE_STAGE_DELETED
A_TIME = Timestamp(seconds=1_700_000_000, nanos=123_456_000)


async def delete(tracking: Tracking, number: int) -> run_pb2.Run:
    return (await tracking.runs.DeleteRun(pb.DeleteRunRequest(run_id=hex_id(number)))).run


async def restore(tracking: Tracking, number: int) -> run_pb2.Run:
    return (await tracking.runs.RestoreRun(pb.RestoreRunRequest(run_id=hex_id(number)))).run


async def delete_experiment(tracking: Tracking, experiment_id: str) -> None:
    request = experiment_service_pb2.DeleteExperimentRequest(experiment_id=experiment_id)
    await tracking.experiments.DeleteExperiment(request)


async def test_a_read_run_carries_its_latest_metrics_and_cursor(tracking: Tracking) -> None:
    await tracking.run(1)
    points = [
        LatestPoint("loss", None, 7, 1_000, float("inf"), 0.5, float("inf")),
        LatestPoint("x", 0, -1, 2, -0.5, -1.5, 2.5),
    ]
    tracking.metrics.by_run[hex_id(1)] = RunMetrics(42, points)

    whole = await tracking.runs.GetRun(pb.GetRunRequest(run_id=hex_id(1)))
    bare = await tracking.runs.GetRun(pb.GetRunRequest(run_id=hex_id(1), omit_metrics=True))

    assert whole.cursor == 42
    assert list(whole.run.metrics) == [
        run_pb2.LatestMetric(
            key="loss", value=float("inf"), step=7, time_unix_us=1_000, min=0.5, max=float("inf")
        ),
        run_pb2.LatestMetric(
            key="x", value=-0.5, step=-1, time_unix_us=2, rank=0, min=-1.5, max=2.5
        ),
    ]
    assert (list(bare.run.metrics), bare.cursor) == ([], 0)


async def test_a_run_is_renamed_by_update_and_by_its_tag(tracking: Tracking) -> None:
    await tracking.run(1, name="a")
    update = pb.UpdateRunRequest(
        run=run_pb2.Run(run_id=hex_id(1), name="b"), update_mask=FieldMask(paths=["name"])
    )

    updated = (await tracking.runs.UpdateRun(update)).run
    again = (await tracking.runs.UpdateRun(update)).run
    await tracking.runs.SetTags(pb.SetTagsRequest(run_id=hex_id(1), tags={"mlflow.runName": "c"}))
    tagged = await tracking.get(1)

    assert (updated.name, updated.tags["mlflow.runName"]) == ("b", "b")
    assert again == updated
    assert (tagged.name, tagged.tags["mlflow.runName"]) == ("c", "c")


async def test_a_run_that_was_read_is_renamed_without_a_mask(tracking: Tracking) -> None:
    run = await tracking.run(1, name="a", user="u", start_time=A_TIME, parent_run_id=hex_id(2))
    run.name = "b"

    renamed = (await tracking.runs.UpdateRun(pb.UpdateRunRequest(run=run))).run

    assert renamed.name == "b"


async def test_a_status_is_overruled_whatever_it_was(tracking: Tracking) -> None:
    await tracking.run(1, name="a")
    told = run_pb2.Run(run_id=hex_id(1), status=run_pb2.RUN_STATUS_FAILED, end_time=A_TIME)

    ended = await tracking.runs.UpdateRun(
        pb.UpdateRunRequest(run=told, update_mask=FieldMask(paths=["status", "end_time"]))
    )
    told.status = run_pb2.RUN_STATUS_SCHEDULED
    back = await tracking.runs.UpdateRun(
        pb.UpdateRunRequest(run=told, update_mask=FieldMask(paths=["status"]))
    )

    assert (ended.run.name, ended.run.status) == ("a", run_pb2.RUN_STATUS_FAILED)
    assert ended.run.end_time == A_TIME
    assert back.run.status == run_pb2.RUN_STATUS_SCHEDULED
    assert not back.run.HasField("end_time")


@pytest.mark.parametrize(
    ("changes", "paths", "reason", "field"),
    [
        ({"name": "b", "user": "x"}, [], "INVALID_VALUE", "run.user"),
        ({"name": "b", "start_time": A_TIME}, [], "INVALID_VALUE", "run.start_time"),
        ({"name": "b", "experiment_id": "1"}, [], "INVALID_VALUE", "run.experiment_id"),
        ({"name": "b"}, ["user"], "INVALID_VALUE", "update_mask"),
        ({"name": "b"}, ["status"], "MISSING_VALUE", "run.status"),
        ({"name": "b"}, ["end_time"], "MISSING_VALUE", "run.end_time"),
        ({}, ["name"], "MISSING_VALUE", "run.name"),
        ({}, [], "MISSING_VALUE", "run.name"),
        ({"name": "n" * 501}, [], "VALUE_TOO_LONG", "run.name"),
        ({"run_id": "", "name": "b"}, [], "MISSING_VALUE", "run.run_id"),
    ],
)
async def test_nothing_but_what_the_mask_may_name_is_updated(
    tracking: Tracking, changes: dict[str, Any], paths: list[str], reason: str, field: str
) -> None:
    await tracking.run(1, name="a")
    fields: dict[str, Any] = {"run_id": hex_id(1), **changes}
    request = pb.UpdateRunRequest(run=run_pb2.Run(**fields), update_mask=FieldMask(paths=paths))

    refusal = await tracking.refused(tracking.runs.UpdateRun(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_a_deleted_run_is_read_and_restored_but_not_written(tracking: Tracking) -> None:
    await tracking.run(1, tags={"k": "v"})
    run_id = hex_id(1)

    deleted = await delete(tracking, 1)
    read = await tracking.get(1)
    refusals = [
        await tracking.refused(call(request)) for call, request in all_writes(tracking, run_id)
    ]
    restored = await restore(tracking, 1)

    assert deleted.lifecycle_stage == DELETED
    assert read == deleted
    assert {refusal.reason for refusal in refusals} == {"RUN_DELETED"}
    assert all(refusal.metadata == {"run_id": run_id} for refusal in refusals)
    assert restored.lifecycle_stage == ACTIVE
    assert restored.update_time.ToNanoseconds() > deleted.update_time.ToNanoseconds()


def all_writes(tracking: Tracking, run_id: str) -> list[tuple[Any, Any]]:
    """Returns a stub's method and a request for it, for every call that changes a run."""
    service = tracking.runs
    run = run_pb2.Run(run_id=run_id, name="n")
    finished = run_pb2.RUN_STATUS_FINISHED
    record = run_pb2.RecordId(writer_id=hex_id(5), number=3)
    return [
        (service.CreateRun, pb.CreateRunRequest(run_id=run_id, experiment_id="0")),
        (service.UpdateRun, pb.UpdateRunRequest(run=run)),
        (service.FinishRun, pb.FinishRunRequest(run_id=run_id, status=finished)),
        (
            service.FinishWriter,
            pb.FinishWriterRequest(run_id=run_id, writer_id=hex_id(5), status=finished),
        ),
        (service.ResumeRun, pb.ResumeRunRequest(run_id=run_id)),
        (service.LogParams, pb.LogParamsRequest(run_id=run_id, params={"a": "b"})),
        (service.SetTags, pb.SetTagsRequest(run_id=run_id, tags={"a": "b"})),
        (service.SetTags, pb.SetTagsRequest(run_id=run_id, tags={"a": "b"}, record=record)),
        (service.DeleteTags, pb.DeleteTagsRequest(run_id=run_id, keys=["k"])),
    ]


async def test_deleting_and_restoring_twice_changes_nothing_more(tracking: Tracking) -> None:
    await tracking.run(1)

    first = await delete(tracking, 1)
    assert await delete(tracking, 1) == first
    back = await restore(tracking, 1)
    assert await restore(tracking, 1) == back


async def test_a_run_is_not_restored_into_a_deleted_experiment(tracking: Tracking) -> None:
    await tracking.run(1, experiment_name="a")
    await delete_experiment(tracking, "1")

    request = pb.RestoreRunRequest(run_id=hex_id(1))
    refusal = await tracking.refused(tracking.runs.RestoreRun(request))

    assert (refusal.reason, refusal.metadata) == ("EXPERIMENT_DELETED", {"experiment_id": "1"})


@pytest.mark.parametrize(
    ("run_id", "reason"),
    [("", "MISSING_VALUE"), ("x", "INVALID_VALUE"), ("f" * 32, "RUN_NOT_FOUND")],
)
async def test_ids_that_name_no_run_are_refused_everywhere(
    tracking: Tracking, run_id: str, reason: str
) -> None:
    service = tracking.runs
    calls: list[tuple[Any, Any]] = [
        (service.GetRun, pb.GetRunRequest(run_id=run_id)),
        (service.DeleteRun, pb.DeleteRunRequest(run_id=run_id)),
        (service.RestoreRun, pb.RestoreRunRequest(run_id=run_id)),
        (service.ListWriters, pb.ListWritersRequest(run_id=run_id)),
        *all_writes(tracking, run_id)[1:],
    ]

    for call, request in calls:
        refusal = await tracking.refused(call(request))
        assert refusal.reason == reason
        if reason == "RUN_NOT_FOUND":
            assert refusal.metadata == {"run_id": run_id}


async def test_whoever_watches_a_run_is_woken_by_every_change(tracking: Tracking) -> None:
    await tracking.run(1)
    ended: list[str] = []
    tracking.signals.on_ended(ended.append)
    record = run_pb2.RecordId(writer_id=hex_id(5), number=0)
    await tracking.runs.SetTags(pb.SetTagsRequest(run_id=hex_id(1), tags={"k": "v"}, record=record))

    with tracking.signals.watch(hex_id(1)) as watch:
        for call, request in all_writes(tracking, hex_id(1))[1:]:
            await call(request)
            assert await watch.wait(0)
        await delete(tracking, 1)
        assert await watch.wait(0)
        await restore(tracking, 1)
        assert await watch.wait(0)

    assert ended == [hex_id(1)]
