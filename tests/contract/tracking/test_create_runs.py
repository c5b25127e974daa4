"""Runs are created, once each, as they are asked for."""

import asyncio
import re
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from runstream.v1 import experiment_pb2, run_pb2, run_service_pb2 as pb
from runstream_server.storage.schema import log_heads
from tests.contract.tracking.serving import ROOT_URI, Tracking, hex_id

ACTIVE = experiment_pb2.LIFECYCLE_STAGE_ACTIVE
A_TIME = Timestamp(seconds=1_700_000_000, nanos=123_456_000)


async def test_a_run_comes_back_as_it_was_created(tracking: Tracking) -> None:
    created = await tracking.run(
        1,
        name="first ß",
        start_time=A_TIME,
        tags={"team": "a", "mlflow.source.name": "train.py"},
        parent_run_id=hex_id(9),
        user="ada",
        status=run_pb2.RUN_STATUS_SCHEDULED,
    )

    assert created.run_id == hex_id(1)
    assert created.experiment_id == "0"
    assert created.name == "first ß"
    assert created.status == run_pb2.RUN_STATUS_SCHEDULED
    assert created.lifecycle_stage == ACTIVE
    assert created.start_time == A_TIME
    assert not created.HasField("end_time")
    assert created.create_time == created.update_time
    assert (created.parent_run_id, created.user) == (hex_id(9), "ada")
    assert created.artifact_uri == f"{ROOT_URI}/0/{hex_id(1)}/artifacts"
    assert created.tags == {
        "team": "a",
        "mlflow.source.name": "train.py",
        "mlflow.runName": "first ß",
        "mlflow.user": "ada",
        "mlflow.parentRunId": hex_id(9),
    }
    assert await tracking.get(1) == created


async def test_a_user_may_be_kept_apart_from_the_tag(tracking: Tracking) -> None:
    tags = {"mlflow.user": "who the tag says", "mlflow.runName": "n"}

    apart = await tracking.run(1, user="ada", user_without_tag=True, tags=tags)
    alone = await tracking.run(2, user="ada", user_without_tag=True, name="n")

    assert (apart.user, dict(apart.tags)) == ("ada", tags)
    assert (alone.user, dict(alone.tags)) == ("ada", {"mlflow.runName": "n"})


async def test_what_is_not_said_of_a_new_run_is_made_up(tracking: Tracking) -> None:
    answer = await tracking.runs.CreateRun(pb.CreateRunRequest(experiment_id="0"))
    run = answer.run

    assert answer.created
    assert re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", run.run_id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-[0-9]{1,3}", run.name)
    assert run.tags == {"mlflow.runName": run.name}
    assert run.status == run_pb2.RUN_STATUS_RUNNING
    assert abs(run.start_time.ToMicroseconds() - run.create_time.ToMicroseconds()) < 10_000_000
    assert (run.user, run.parent_run_id) == ("", "")


async def test_ids_that_the_server_makes_sort_by_time(tracking: Tracking) -> None:
    ids: list[str] = []
    for _ in range(3):
        answer = await tracking.runs.CreateRun(pb.CreateRunRequest(experiment_id="0"))
        ids.append(answer.run.run_id[:12])

    assert ids == sorted(ids)


async def test_a_new_run_has_an_empty_log(tracking: Tracking) -> None:
    await tracking.run(1)

    stored = await tracking.stored()

    assert stored[log_heads.name] == [(hex_id(1), True, *[0] * (len(log_heads.c) - 3), None)]


async def test_name_user_and_parent_may_come_as_tags(tracking: Tracking) -> None:
    tags = {"mlflow.runName": "n", "mlflow.user": "u", "mlflow.parentRunId": "p"}

    run = await tracking.run(1, tags=tags)

    assert (run.name, run.user, run.parent_run_id) == ("n", "u", "p")
    assert run.tags == tags


async def test_the_source_is_a_view_of_reserved_tags(tracking: Tracking) -> None:
    tags = {
        "mlflow.source.name": "train.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": "c0ffee",
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.repoURL": "git@example.com:a/b",
        "runstream.source.git.dirty": "true",
        "runstream.host": "node-1",
    }

    run = await tracking.run(1, tags=tags)
    other = await tracking.run(2, tags={"runstream.source.git.dirty": "perhaps"})

    assert run.source == run_pb2.Source(
        name="train.py",
        type="LOCAL",
        git_commit="c0ffee",
        git_branch="main",
        git_repo_url="git@example.com:a/b",
        git_dirty=True,
        host="node-1",
    )
    assert not other.source.HasField("git_dirty")


async def test_a_run_that_exists_is_left_as_it_is(tracking: Tracking) -> None:
    first = await tracking.run(1, name="first", tags={"k": "1"})
    request = pb.CreateRunRequest(
        run_id=hex_id(1), experiment_id="0", name="second", tags={"k": "2"}, user="x"
    )
    before = await tracking.stored()

    answer = await tracking.runs.CreateRun(request)

    assert (answer.run, answer.created) == (first, False)
    assert await tracking.stored() == before


async def test_one_of_a_hundred_that_create_a_run_at_once_creates_it(tracking: Tracking) -> None:
    def request(rank: int) -> pb.CreateRunRequest:
        return pb.CreateRunRequest(
            run_id=hex_id(1),
            experiment_name="job",
            name=f"rank {rank}",
            record=run_pb2.RecordId(writer_id=hex_id(rank), number=0),
        )

    answers = await asyncio.gather(*(tracking.runs.CreateRun(request(rank)) for rank in range(100)))

    assert [answer.created for answer in answers].count(True) == 1
    assert len({answer.run.SerializeToString(deterministic=True) for answer in answers}) == 1
    listed = pb.ListWritersRequest(run_id=hex_id(1), page_size=1000)
    writers = (await tracking.runs.ListWriters(listed)).writers
    assert {writer.writer_id for writer in writers} == {hex_id(rank) for rank in range(100)}


async def test_an_experiment_is_created_by_its_name(tracking: Tracking) -> None:
    first = await tracking.run(1, experiment_name="new")
    second = await tracking.run(2, experiment_name="new")
    by_default = await tracking.run(3, experiment_name="Default")

    assert (first.experiment_id, second.experiment_id) == ("1", "1")
    assert by_default.experiment_id == "0"


async def test_a_run_is_in_one_experiment_only(tracking: Tracking) -> None:
    await tracking.run(1, experiment_name="a")
    requests = [
        pb.CreateRunRequest(run_id=hex_id(1), experiment_id="0"),
        pb.CreateRunRequest(run_id=hex_id(1), experiment_id="77"),
        pb.CreateRunRequest(run_id=hex_id(1), experiment_name="not there yet"),
    ]

    for request in requests:
        refusal = await tracking.refused(tracking.runs.CreateRun(request))
        assert refusal.reason == "RUN_EXISTS"
        assert refusal.metadata == {"run_id": hex_id(1), "experiment_id": "1"}


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"run_id": "A" * 32}, "INVALID_VALUE", "run_id"),
        ({"run_id": "a" * 31}, "INVALID_VALUE", "run_id"),
        ({"run_id": "a" * 32 + "\n"}, "INVALID_VALUE", "run_id"),
        ({"experiment_id": None}, "MISSING_VALUE", "experiment"),
        ({"experiment_id": ""}, "MISSING_VALUE", "experiment_id"),
        ({"experiment_id": "one"}, "INVALID_VALUE", "experiment_id"),
        ({"experiment_name": ""}, "MISSING_VALUE", "experiment"),
        ({"experiment_name": "x" * 501}, "VALUE_TOO_LONG", "experiment_name"),
        ({"experiment_name": "a\tb"}, "INVALID_VALUE", "experiment_name"),
        ({"name": "n" * 501}, "VALUE_TOO_LONG", "name"),
        ({"name": "n\x00"}, "INVALID_VALUE", "name"),
        ({"tags": {"mlflow.runName": "n" * 501}}, "VALUE_TOO_LONG", "tags['mlflow.runName']"),
        ({"tags": {"mlflow.runName": ""}}, "MISSING_VALUE", "tags['mlflow.runName']"),
        ({"name": "a", "tags": {"mlflow.runName": "b"}}, "INVALID_VALUE", "name"),
        ({"user": "a", "tags": {"mlflow.user": "b"}}, "INVALID_VALUE", "user"),
        ({"user": "u" * 8001}, "VALUE_TOO_LONG", "user"),
        ({"parent_run_id": "p"}, "INVALID_VALUE", "parent_run_id"),
        (
            {"parent_run_id": "a" * 32, "tags": {"mlflow.parentRunId": "b" * 32}},
            "INVALID_VALUE",
            "parent_run_id",
        ),
        ({"tags": {"": ""}}, "INVALID_KEY", "tags"),
        ({"tags": {"a\x7fb": ""}}, "INVALID_KEY", "tags"),
        ({"tags": {"k": "v" * 8001}}, "VALUE_TOO_LONG", "tags['k']"),
        ({"tags": {str(n): "" for n in range(1001)}}, "TOO_MANY_ENTRIES", "tags"),
        ({"start_time": Timestamp(seconds=-1)}, "INVALID_VALUE", "start_time"),
        ({"start_time": Timestamp(seconds=253_402_300_800)}, "INVALID_VALUE", "start_time"),
        ({"start_time": Timestamp(nanos=-1)}, "INVALID_VALUE", "start_time.nanos"),
        ({"start_time": Timestamp(nanos=1_000_000_000)}, "INVALID_VALUE", "start_time.nanos"),
        ({"start_time": Timestamp(seconds=2**62)}, "INVALID_VALUE", "start_time"),
        ({"status": run_pb2.RUN_STATUS_FINISHED}, "INVALID_VALUE", "status"),
        ({"status": 17}, "INVALID_VALUE", "status"),
        ({"record": run_pb2.RecordId()}, "MISSING_VALUE", "record.writer_id"),
        ({"record": run_pb2.RecordId(writer_id="w")}, "INVALID_VALUE", "record.writer_id"),
        (
            {"record": run_pb2.RecordId(writer_id="a" * 32, number=-1)},
            "INVALID_VALUE",
            "record.number",
        ),
        (
            {"record": run_pb2.RecordId(writer_id="a" * 32, number=2**63 - 1)},
            "INVALID_VALUE",
            "record.number",
        ),
    ],
)
async def test_bad_runs_are_refused_by_field(
    tracking: Tracking, fields: dict[str, Any], reason: str, field: str
) -> None:
    fields = {"experiment_id": "0", **fields}
    if "experiment_name" in fields or fields["experiment_id"] is None:
        del fields["experiment_id"]

    refusal = await tracking.refused(tracking.runs.CreateRun(pb.CreateRunRequest(**fields)))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)
    assert field in refusal.message


async def test_runs_of_experiments_that_are_not_there_are_refused(tracking: Tracking) -> None:
    request = pb.CreateRunRequest(experiment_id="5")

    refusal = await tracking.refused(tracking.runs.CreateRun(request))

    assert (refusal.reason, refusal.metadata) == (
        "EXPERIMENT_NOT_FOUND",
        {"experiment_id": "5"},
    )


async def test_times_are_kept_to_the_microsecond(tracking: Tracking) -> None:
    finest = Timestamp(seconds=253_402_300_799, nanos=999_999_999)

    late = await tracking.run(1, start_time=finest)
    epoch = await tracking.run(2, start_time=Timestamp())

    assert late.start_time == Timestamp(seconds=253_402_300_799, nanos=999_999_000)
    assert epoch.start_time == Timestamp()
