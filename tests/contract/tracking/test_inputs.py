"""What runs read and make: datasets and logged models."""

from typing import Any

import pytest

from runstream.v1 import experiment_service_pb2 as experiment_pb, input_pb2, run_service_pb2 as pb
from tests.contract.tracking.serving import Tracking, hex_id

RUN = hex_id(1)
MODEL = f"m-{hex_id(1)}"


def dataset(name: str = "digits", digest: str = "d1", **fields: Any) -> input_pb2.Dataset:  # noqa: ANN401 - any of the message's fields
    given = {"source_type": "local", "source": "{}"} | fields
    return input_pb2.Dataset(name=name, digest=digest, **given)


def read(one: input_pb2.Dataset | None = None, /, **tags: str) -> input_pb2.DatasetInput:
    return input_pb2.DatasetInput(dataset=one or dataset(), tags=tags)


def context(text: str, one: input_pb2.Dataset | None = None) -> input_pb2.DatasetInput:
    return read(one, **{"mlflow.data.context": text})


async def log(
    tracking: Tracking,
    *inputs: input_pb2.DatasetInput,
    models: tuple[str, ...] = (),
    run_id: str = RUN,
) -> None:
    request = pb.LogInputsRequest(
        run_id=run_id,
        datasets=inputs,
        models=[input_pb2.ModelInput(model_id=model) for model in models],
    )
    await tracking.runs.LogInputs(request)


async def found(tracking: Tracking, filter_: str) -> set[int]:
    answer = await tracking.runs.SearchRuns(pb.SearchRunsRequest(filter=filter_))
    return {int(run.run_id, 16) for run in answer.runs}


async def test_inputs_come_back_as_they_were_logged(tracking: Tracking) -> None:
    before = await tracking.run(1)
    first = context("training", dataset(schema="é" * 1_000, profile=""))
    second = read(dataset("other", source=""), a="1", b="")

    await log(tracking, first, second, models=(MODEL, "another"))
    run = await tracking.get(1)

    assert list(run.dataset_inputs) == [first, second]
    assert [model.model_id for model in run.model_inputs] == [MODEL, "another"]
    assert run.update_time.ToNanoseconds() > before.update_time.ToNanoseconds()


async def test_schema_and_profile_are_absent_or_empty_as_they_were_logged(
    tracking: Tracking,
) -> None:
    await tracking.run(1)

    await log(tracking, read(dataset("none")), read(dataset("empty", schema="", profile="")))
    none, empty = (one.dataset for one in (await tracking.get(1)).dataset_inputs)

    assert not none.HasField("schema")
    assert not none.HasField("profile")
    assert empty.HasField("schema")
    assert empty.HasField("profile")


async def test_the_same_inputs_again_change_nothing(tracking: Tracking) -> None:
    await tracking.run(1)
    await log(tracking, context("training"), models=(MODEL,))
    before = await tracking.stored()

    await log(tracking, context("eval", dataset(source="elsewhere")), models=(MODEL, MODEL))

    assert await tracking.stored() == before


async def test_the_first_source_and_schema_of_a_dataset_stay(tracking: Tracking) -> None:
    await tracking.run(1)
    await tracking.run(2)
    await tracking.run(3, experiment_name="other")

    await log(tracking, read(dataset(schema="first")))
    for number in (2, 3):
        later = read(dataset(schema="later"), t="x")
        await log(tracking, later, run_id=hex_id(number))

    second, third = [(await tracking.get(number)).dataset_inputs[0] for number in (2, 3)]
    assert (second.dataset.schema, second.tags["t"]) == ("first", "x")
    assert third.dataset.schema == "later", "datasets of experiments are apart"


async def test_of_two_inputs_of_one_dataset_in_a_request_the_first_counts(
    tracking: Tracking,
) -> None:
    await tracking.run(1)

    await log(tracking, context("a", dataset(schema="1")), context("b", dataset(schema="2")))
    (only,) = (await tracking.get(1)).dataset_inputs

    assert (only.dataset.schema, only.tags["mlflow.data.context"]) == ("1", "a")


async def test_outputs_come_back_with_their_steps(tracking: Tracking) -> None:
    await tracking.run(1)
    outputs = [
        input_pb2.ModelOutput(model_id=MODEL, step=3),
        input_pb2.ModelOutput(model_id="b", step=-(2**63)),
        input_pb2.ModelOutput(model_id=MODEL, step=2**63 - 1),
    ]

    await tracking.runs.LogOutputs(pb.LogOutputsRequest(run_id=RUN, models=outputs))
    before = await tracking.stored()
    await tracking.runs.LogOutputs(pb.LogOutputsRequest(run_id=RUN, models=outputs[:2]))

    assert list((await tracking.get(1)).model_outputs) == outputs
    assert await tracking.stored() == before


async def test_inputs_are_left_out_when_asked_and_shown_by_searches(tracking: Tracking) -> None:
    await tracking.run(1)
    await log(tracking, read())

    got = await tracking.runs.GetRun(pb.GetRunRequest(run_id=RUN, omit_inputs=True))
    searched = await tracking.runs.SearchRuns(pb.SearchRunsRequest())
    without = await tracking.runs.SearchRuns(pb.SearchRunsRequest(omit_inputs=True))

    assert not got.run.dataset_inputs
    assert [one.dataset.name for one in searched.runs[0].dataset_inputs] == ["digits"]
    assert not without.runs[0].dataset_inputs


async def test_a_page_of_runs_ends_before_large_inputs_exceed_a_message(
    tracking: Tracking,
) -> None:
    for number in range(1, 7):
        await tracking.run(number)
        await log(
            tracking, read(dataset(str(number), schema="s" * 1_000_000)), run_id=hex_id(number)
        )

    sizes: list[int] = []
    token = ""
    while not sizes or token:
        answer = await tracking.runs.SearchRuns(pb.SearchRunsRequest(page_token=token))
        sizes.append(len(answer.runs))
        token = answer.next_page_token

    assert sum(sizes) == 6
    assert len(sizes) > 1


async def test_a_record_of_inputs_is_applied_once(tracking: Tracking) -> None:
    await tracking.run(1)
    request = pb.LogInputsRequest(run_id=RUN, datasets=[read()])
    request.record.writer_id = hex_id(9)

    await tracking.runs.LogInputs(request)
    del request.datasets[:]
    request.datasets.append(read(dataset("other")))
    await tracking.runs.LogInputs(request)

    assert [one.dataset.name for one in (await tracking.get(1)).dataset_inputs] == ["digits"]


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        (read(dataset(name="")), "MISSING_VALUE", "datasets[1].dataset.name"),
        (read(dataset(digest="")), "MISSING_VALUE", "datasets[1].dataset.digest"),
        (read(dataset(name="n" * 501)), "VALUE_TOO_LONG", "datasets[1].dataset.name"),
        (read(dataset(digest="n" * 37)), "VALUE_TOO_LONG", "datasets[1].dataset.digest"),
        (read(dataset(source="n" * 65_536)), "VALUE_TOO_LONG", "datasets[1].dataset.source"),
        (read(dataset(schema="n" * 1_048_576)), "VALUE_TOO_LONG", "datasets[1].dataset.schema"),
        (read(dataset(profile="a\0b")), "INVALID_VALUE", "datasets[1].dataset.profile"),
        (read(**{"": "v"}), "MISSING_VALUE", "datasets[1].tags.key"),
        (read(**{"k" * 256: "v"}), "VALUE_TOO_LONG", "datasets[1].tags.key"),
        (read(k="v" * 501), "VALUE_TOO_LONG", "datasets[1].tags['k']"),
    ],
)
async def test_bad_inputs_are_refused_and_none_is_logged(
    tracking: Tracking, bad: input_pb2.DatasetInput, reason: str, field: str
) -> None:
    await tracking.run(1)
    request = pb.LogInputsRequest(run_id=RUN, datasets=[read(dataset("good")), bad])

    refusal = await tracking.refused(tracking.runs.LogInputs(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_too_many_inputs_are_refused(tracking: Tracking) -> None:
    await tracking.run(1)
    request = pb.LogInputsRequest(run_id=RUN, datasets=[read()] * 1_001)

    refusal = await tracking.refused(tracking.runs.LogInputs(request))

    assert refusal.reason == "TOO_MANY_ENTRIES"


async def test_deleted_and_unknown_runs_take_no_inputs_and_no_outputs(tracking: Tracking) -> None:
    await tracking.run(1)
    await tracking.runs.DeleteRun(pb.DeleteRunRequest(run_id=RUN))
    outputs = [input_pb2.ModelOutput(model_id=MODEL)]

    for run_id, reason in ((RUN, "RUN_DELETED"), (hex_id(2), "RUN_NOT_FOUND")):
        inputs = pb.LogInputsRequest(run_id=run_id, datasets=[read()])
        made = pb.LogOutputsRequest(run_id=run_id, models=outputs)
        assert (await tracking.refused(tracking.runs.LogInputs(inputs))).reason == reason
        assert (await tracking.refused(tracking.runs.LogOutputs(made))).reason == reason


@pytest.mark.parametrize(
    ("filter_", "numbers"),
    [
        ("datasets.name = 'a'", {1, 2}),
        ("dataset.digest = '2'", {2, 3}),
        ("datasets.name = 'a' AND datasets.digest = '2'", {2}),
        ("datasets.name = 'a' AND datasets.context = 'eval'", {1}),
        ("datasets.name != 'a'", {1, 3}),
        ("datasets.name LIKE 'A%'", set[int]()),
        ("datasets.name ILIKE 'A%'", {1, 2}),
        ("datasets.name IN ('b', 'c')", {1, 3}),
        ("NOT datasets.name = 'a'", {3, 4}),
        ("datasets.context IS NULL", {2, 4}),
        ("datasets.context IS NOT NULL", {1, 3}),
        ("datasets.name IS NULL", {4}),
        ("datasets.context != 'eval'", {1}),
        ("datasets.name NOT IN ('a', 'b')", {3}),
    ],
)
async def test_runs_are_found_by_their_datasets(
    tracking: Tracking, filter_: str, numbers: set[int]
) -> None:
    for number in range(1, 5):
        await tracking.run(number)
    await log(tracking, context("training", dataset("a", "1")), context("eval", dataset("b", "1")))
    await log(tracking, read(dataset("a", "2")), run_id=hex_id(2))
    await log(tracking, context("eval", dataset("c", "2")), run_id=hex_id(3))

    assert await found(tracking, filter_) == numbers


async def test_datasets_of_experiments_are_listed_once_for_every_context(
    tracking: Tracking,
) -> None:
    for number in (1, 2):
        await tracking.run(number)
        await log(tracking, context("training"), read(dataset("b")), run_id=hex_id(number))
    other = (await tracking.run(3, experiment_name="other")).experiment_id
    await log(tracking, context("eval"), run_id=hex_id(3))
    await tracking.run(4)
    await log(tracking, read(), run_id=hex_id(4))

    listed: list[tuple[str, str, str | None]] = []
    token = ""
    while not listed or token:
        request = experiment_pb.SearchDatasetsRequest(
            experiment_ids=["0", other, "77"], page_size=1, page_token=token
        )
        answer = await tracking.experiments.SearchDatasets(request)
        (one,) = answer.datasets
        listed.append(
            (one.experiment_id, one.name, one.context if one.HasField("context") else None)
        )
        token = answer.next_page_token

    assert listed == [
        ("0", "b", None),
        ("0", "digits", None),
        ("0", "digits", "training"),
        (other, "digits", "eval"),
    ]
