"""Search of logged models: filters, datasets, orders, pages."""

import math
from collections.abc import AsyncGenerator, Sequence

import pytest
import pytest_asyncio

from runstream.v1 import (
    experiment_service_pb2 as experiment_pb,
    logged_model_pb2,
    logged_model_service_pb2 as pb,
)
from tests.contract.backends import Backend
from tests.contract.models.serving import Models, model_id, point, run_id, serving

on_shared_server = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(
    shared_backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Models]:
    """A server with four models: 1 and 2 with points, 3 with NaN, 4 without any."""
    async with serving(shared_backend, tmp_path_factory.mktemp("filled")) as models:
        await fill(models)
        yield models


async def fill(models: Models) -> None:
    """Creates the four models."""
    await models.run(1)
    await models.create(1, name="alpha", params={"depth": "3"}, tags={"team": "a"})
    await models.create(2, name="Beta", model_type="Agent", source_run_id=run_id(1))
    await models.create(3, name="gamma", tags={"team": "b", "odd key": "x"})
    await models.create(4, name="delta")
    ready = logged_model_pb2.LOGGED_MODEL_STATUS_READY
    request = pb.FinalizeLoggedModelRequest(model_id=model_id(2), status=ready)
    await models.models.FinalizeLoggedModel(request)
    await models.log(
        point(0.1, 1, time=1, on="train t"),
        point(0.9, 1, time=2, on="eval e1"),
        point(0.5, 2, time=5, step=1, on="eval e2"),
        point(0.2, 2, time=5, step=2),
        point(math.nan, 3, time=1),
    )


@pytest.mark.parametrize(
    ("filter_", "numbers"),
    [
        ("name = 'alpha'", {1}),
        ("name LIKE '%a' AND name != 'alpha'", {2, 3, 4}),
        ("name ILIKE 'BETA'", {2}),
        ("name IN ('alpha', 'delta') OR tags.team = 'b'", {1, 3, 4}),
        ("NOT name IN ('alpha', 'delta')", {2, 3}),
        (f"model_id = '{model_id(4)}'", {4}),
        ("model_type = 'Agent'", {2}),
        ("attributes.status = 'READY'", {2}),
        ("status = 'PENDING'", {1, 3, 4}),
        (f"source_run_id = '{run_id(1)}'", {2}),
        ("experiment_id = '0'", {1, 2, 3, 4}),
        ("creation_timestamp > 0 AND last_updated_time > 0", {1, 2, 3, 4}),
        ("create_time < 1", set[int]()),
        ("params.depth = '3'", {1}),
        ("params.depth IS NULL", {2, 3, 4}),
        ("tags.`odd key` IS NOT NULL", {3}),
        ("tags.team != 'a'", {3}),
        ("metrics.acc > 0.8", {1}),
        ("metrics.acc < 0.3", {1, 2}),
        ("metrics.acc > 0.8 AND metrics.acc < 0.3", {1}),
        ("metrics.acc = 0.5", {2}),
        ("metrics.acc != 0.1", {1, 2, 3}),
        ("metrics.acc IS NULL", {4}),
        ("metrics.acc IS NOT NULL", {1, 2, 3}),
        ("NOT metrics.acc > 0.8", {2, 3, 4}),
        ("metrics.other > 0", set[int]()),
    ],
)
@on_shared_server
async def test_filters(filled: Models, filter_: str, numbers: set[int]) -> None:
    assert set(await filled.found(filter_)) == numbers


@pytest.mark.parametrize(
    ("datasets", "filter_", "numbers"),
    [
        ([("eval", "")], "", {1, 2}),
        ([("eval", "e1")], "", {1}),
        ([("train", ""), ("eval", "e2")], "", {1, 2}),
        ([("none", "")], "", set[int]()),
        ([("train", "t")], "metrics.acc > 0.05", {1}),
        ([("train", "t")], "metrics.acc > 0.8", set[int]()),
        ([("eval", "")], "metrics.acc > 0.8 OR name = 'delta'", {1, 4}),
        ([("eval", "")], "name = 'alpha'", {1}),
    ],
)
@on_shared_server
async def test_datasets_narrow_what_is_compared(
    filled: Models, datasets: Sequence[tuple[str, str]], filter_: str, numbers: set[int]
) -> None:
    selectors = [
        pb.DatasetSelector(dataset_name=name, dataset_digest=digest) for name, digest in datasets
    ]

    assert set(await filled.found(filter_, datasets=selectors)) == numbers


@pytest.mark.parametrize(
    ("orders", "numbers"),
    [
        ([], [4, 3, 2, 1]),
        ([("name", False, "", "")], [2, 1, 4, 3]),
        ([("name", True, "", "")], [3, 4, 1, 2]),
        ([("creation_time", False, "", "")], [1, 2, 3, 4]),
        ([("model_id", True, "", "")], [4, 3, 2, 1]),
        ([("status", False, "", "")], [4, 3, 1, 2]),
        ([("last_updated_timestamp", True, "", "")], [2, 4, 3, 1]),
        ([("metrics.acc", False, "", "")], [2, 1, 3, 4]),
        ([("metrics.acc", True, "", "")], [1, 2, 3, 4]),
        ([("metrics.acc", False, "eval", "")], [2, 1, 4, 3]),
        ([("metrics.acc", True, "eval", "e2")], [2, 4, 3, 1]),
        ([("metrics.acc", True, "", "e1")], [1, 4, 3, 2]),
        ([("model_type", True, "", ""), ("name", False, "", "")], [2, 1, 4, 3]),
        ([("name", False, "", ""), ("name", True, "", "")], [2, 1, 4, 3]),
    ],
)
@pytest.mark.parametrize("page_size", [0, 1, 3])
@on_shared_server
async def test_orders_over_all_sizes_of_pages(
    filled: Models, orders: Sequence[tuple[str, bool, str, str]], numbers: list[int], page_size: int
) -> None:
    order_by = [
        pb.LoggedModelOrder(
            field_name=name, descending=descending, dataset_name=dataset, dataset_digest=digest
        )
        for name, descending, dataset, digest in orders
    ]

    assert await filled.found(order_by=order_by, page_size=page_size) == numbers


async def test_experiments_are_apart(models: Models) -> None:
    request = experiment_pb.CreateExperimentRequest(name="e")
    other = (await models.experiments.CreateExperiment(request)).experiment.experiment_id
    await models.create(1)
    await models.create(2, experiment_id=other)

    assert await models.found(experiment_ids=["0"]) == [1]
    assert await models.found(experiment_ids=[other, "77"]) == [2]
    assert await models.found() == [2, 1]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (pb.SearchLoggedModelsRequest(filter="name"), "INVALID_FILTER"),
        (pb.SearchLoggedModelsRequest(filter="bogus = 'x'"), "INVALID_FILTER"),
        (pb.SearchLoggedModelsRequest(filter="datasets.name = 'x'"), "INVALID_FILTER"),
        (pb.SearchLoggedModelsRequest(filter="metrics.acc = 'x'"), "INVALID_FILTER"),
        (
            pb.SearchLoggedModelsRequest(order_by=[pb.LoggedModelOrder(field_name="bogus")]),
            "INVALID_ORDER_BY",
        ),
        (
            pb.SearchLoggedModelsRequest(order_by=[pb.LoggedModelOrder(field_name="params.a")]),
            "INVALID_ORDER_BY",
        ),
        (
            pb.SearchLoggedModelsRequest(order_by=[pb.LoggedModelOrder(field_name="name")] * 21),
            "INVALID_ORDER_BY",
        ),
        (pb.SearchLoggedModelsRequest(datasets=[pb.DatasetSelector()]), "MISSING_VALUE"),
        (pb.SearchLoggedModelsRequest(page_token="x"), "INVALID_PAGE_TOKEN"),
        (pb.SearchLoggedModelsRequest(page_size=-1), "INVALID_VALUE"),
        (pb.SearchLoggedModelsRequest(experiment_ids=["x"]), "INVALID_VALUE"),
    ],
)
@on_shared_server
async def test_what_cannot_be_searched_for_is_refused(
    filled: Models, request_: pb.SearchLoggedModelsRequest, reason: str
) -> None:
    refusal = await filled.refused(filled.models.SearchLoggedModels(request_))

    assert refusal.reason == reason


async def test_a_page_ends_before_it_exceeds_a_message(models: Models) -> None:
    for number in range(1, 4):
        params = {str(n): "v" * 65_000 for n in range(30)}
        await models.create(number, params=params)

    assert await models.found() == [3, 2, 1]
    answer = await models.models.SearchLoggedModels(pb.SearchLoggedModelsRequest())
    assert len(answer.models) == 2
