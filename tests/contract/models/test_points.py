"""Points that runs log about logged models."""

import math
import struct

import pytest

from runstream.v1 import logged_model_service_pb2 as pb, metric_service_pb2, run_service_pb2
from tests.contract.models.serving import Models, model_id, point, run_id


async def test_points_come_back_bit_for_bit_in_order(models: Models) -> None:
    await models.run(1)
    await models.create(1)
    odd_nan = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0123))[0]

    values = [math.inf, -0.0, odd_nan, 0.1]
    await models.log(*(point(value, step=step) for step, value in enumerate(values)))
    await models.log(point(1, key="a", time=2**53, step=-(2**63), on="data d1"))
    found = (await models.get(1)).metrics

    assert [struct.pack("<d", one.value) for one in found[1:]] == [
        struct.pack("<d", value) for value in values
    ]
    first = found[0]
    assert (first.key, first.step, first.time_unix_us) == ("a", -(2**63), 2**53)
    assert (first.dataset_name, first.dataset_digest) == ("data", "d1")
    assert {one.run_id for one in found} == {run_id(1)}


async def test_a_point_of_a_model_is_also_its_runs(models: Models) -> None:
    await models.run(1)
    await models.create(1)

    await models.log(point(0.5), point(0.7, 0, key="other"))
    run = (await models.runs.GetRun(run_service_pb2.GetRunRequest(run_id=run_id(1)))).run

    assert {one.key: one.value for one in run.metrics} == {"acc": 0.5, "other": 0.7}
    assert [one.key for one in (await models.get(1)).metrics] == ["acc"]


async def test_the_same_point_again_is_one_and_others_are_kept(models: Models) -> None:
    await models.run(1)
    await models.run(2)
    await models.create(1)

    for _ in range(2):
        await models.log(point(0.5), point(0.5), point(0.6), point(0.5, on="data d"))
        await models.log(point(0.5), run=2)
    found = (await models.get(1)).metrics

    assert [(one.value, one.dataset_name, one.run_id[-1]) for one in found] == [
        (0.5, "", "1"),
        (0.6, "", "1"),
        (0.5, "data", "1"),
        (0.5, "", "2"),
    ]


async def test_a_request_with_an_unknown_model_stores_nothing(models: Models) -> None:
    await models.run(1)
    await models.create(1)

    refusal = await models.refused(models.log(point(1), point(2, 2)))

    assert (refusal.reason, refusal.metadata) == ("MODEL_NOT_FOUND", {"model_id": model_id(2)})


@pytest.mark.parametrize(
    ("on", "reason", "field"),
    [
        ("data", "MISSING_VALUE", "dataset_digest"),
        (" digest", "MISSING_VALUE", "dataset_name"),
        (f"{'n' * 501} d", "VALUE_TOO_LONG", "dataset_name"),
        (f"data {'d' * 37}", "VALUE_TOO_LONG", "dataset_digest"),
    ],
)
async def test_the_dataset_of_a_point_keeps_to_its_rules(
    models: Models, on: str, reason: str, field: str
) -> None:
    await models.run(1)
    await models.create(1)

    refusal = await models.refused(models.log(point(1, on=on)))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_a_deleted_run_takes_no_points_and_a_deleted_model_does(models: Models) -> None:
    await models.run(1)
    await models.create(1)
    await models.models.DeleteLoggedModel(pb.DeleteLoggedModelRequest(model_id=model_id(1)))

    await models.log(point(1))
    await models.runs.DeleteRun(run_service_pb2.DeleteRunRequest(run_id=run_id(1)))
    refusal = await models.refused(models.log(point(2)))

    assert refusal.reason == "RUN_DELETED"
    assert len((await models.get(1, allow_deleted=True)).metrics) == 1


async def test_many_points_are_cut_in_the_model_and_listed_in_pages(models: Models) -> None:
    await models.run(1)
    await models.create(1)
    request = metric_service_pb2.LogMetricsRequest(
        run_id=run_id(1), points=[point(float(step), step=step) for step in range(1_200)]
    )
    await models.metrics.LogMetrics(request)

    model = await models.get(1)
    listed: list[int] = []
    pages, token = 0, ""
    while not pages or token:
        wanted = pb.ListLoggedModelMetricsRequest(
            model_id=model_id(1), page_size=500, page_token=token
        )
        answer = await models.models.ListLoggedModelMetrics(wanted)
        listed += [one.step for one in answer.metrics]
        pages, token = pages + 1, answer.next_page_token

    assert (len(model.metrics), model.more_metrics) == (1_000, True)
    assert (listed, pages) == (list(range(1_200)), 3)


async def test_metrics_are_left_out_when_asked(models: Models) -> None:
    await models.run(1)
    await models.create(1)
    await models.log(point(1))

    request = pb.GetLoggedModelRequest(model_id=model_id(1), omit_metrics=True)
    got = await models.models.GetLoggedModel(request)
    searched = await models.models.SearchLoggedModels(pb.SearchLoggedModelsRequest())

    assert not got.model.metrics
    assert not got.model.more_metrics
    assert len(searched.models[0].metrics) == 1
