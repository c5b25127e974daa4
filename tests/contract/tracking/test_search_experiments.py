"""What searches for experiments promise."""

from typing import Any

import pytest

from runstream.v1 import experiment_pb2, experiment_service_pb2 as pb
from runstream_server.storage.schema import experiments
from tests.contract.tracking.serving import ROOT_URI, Tracking

SECOND_US = 1_000_000


async def make(tracking: Tracking, *names: str, first: int = 1) -> None:
    """Makes experiments 1, 2, … with these names, each created a second after the one before."""
    await tracking.insert(
        experiments,
        [
            {
                "experiment_id": number,
                "name": name,
                "artifact_location": "",
                "active": True,
                "create_time_us": number * SECOND_US,
                "update_time_us": (10_000 - number) * SECOND_US,
            }
            for number, name in enumerate(names, first)
        ],
    )


async def search(
    tracking: Tracking,
    **fields: Any,  # noqa: ANN401 - any of the request's fields
) -> pb.SearchExperimentsResponse:
    request = pb.SearchExperimentsRequest(**fields)
    return await tracking.experiments.SearchExperiments(request)


async def ids(
    tracking: Tracking,
    **fields: Any,  # noqa: ANN401 - any of the request's fields
) -> str:
    """Returns the ids of what is found as one text."""
    found = (await search(tracking, **fields)).experiments
    return " ".join(experiment.experiment_id for experiment in found)


async def set_tags(tracking: Tracking, number: int, **tags: str) -> None:
    request = pb.SetExperimentTagsRequest(experiment_id=str(number), tags=tags)
    await tracking.experiments.SetExperimentTags(request)


async def test_the_newest_come_first(tracking: Tracking) -> None:
    await make(tracking, "a", "b", "c")

    assert await ids(tracking) == "0 3 2 1"


async def test_found_experiments_are_whole(tracking: Tracking) -> None:
    await make(tracking, "a")
    await set_tags(tracking, 1, k="v")

    found = (await search(tracking, filter="name = 'a'")).experiments[0]

    get = pb.GetExperimentRequest(experiment_id="1")
    assert found == (await tracking.experiments.GetExperiment(get)).experiment
    assert found.artifact_location == f"{ROOT_URI}/1"
    assert found.tags == {"k": "v"}


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("name = 'Vision'", "2"),
        ("name LIKE 'vision/%'", "4 1"),
        ("name ILIKE 'VISION%'", "4 2 1"),
        ("name != 'Default'", "4 3 2 1"),
        ("name IN ('audio', 'Vision', 'x')", "3 2"),
        ("experiment_id = '3'", "3"),
        ("experiment_id NOT IN ('3', '0')", "4 2 1"),
        ("creation_time < 3000", "2 1"),
        ("last_update_time >= 9998000 AND create_time > 0", "2 1"),
        ("tags.team = 'a'", "3 1"),
        ("tags.team != 'a'", "2"),
        ("tags.team IS NULL AND NOT name = 'Default'", "4"),
        ("tags.team LIKE '%' OR experiment_id = '4'", "4 3 2 1"),
    ],
)
async def test_filters_find_what_they_say(tracking: Tracking, filter_: str, found: str) -> None:
    await make(tracking, "vision/a", "Vision", "audio", "vision/é")
    await tracking.database.write(_without_update_times)
    for number, team in ((1, "a"), (2, "b"), (3, "a")):
        await set_tags(tracking, number, team=team)
    await tracking.database.write(_without_update_times)

    result = await ids(tracking, filter=filter_)

    assert result.removeprefix("0 ") == found


async def _without_update_times(connection: Any) -> None:  # noqa: ANN401 - any connection
    """Sets update times to what they would be without the changes that tests make."""
    changed = experiments.update().values(
        update_time_us=(10_000 - experiments.c.experiment_id) * SECOND_US
    )
    await connection.execute(changed.where(experiments.c.experiment_id > 0))


@pytest.mark.parametrize(
    ("order_by", "found"),
    [
        (["name"], "0 4 3 1 2"),
        (["name DESC"], "2 1 3 4 0"),
        (["experiment_id DESC"], "4 3 2 1 0"),
        (["creation_time"], "1 2 3 4 0"),
        (["last_update_time DESC"], "0 1 2 3 4"),
    ],
)
async def test_orders_are_as_they_say(tracking: Tracking, order_by: list[str], found: str) -> None:
    await make(tracking, "b", "é", "a", "Z")

    assert await ids(tracking, order_by=order_by) == found


async def test_ids_order_as_numbers(tracking: Tracking) -> None:
    await make(tracking, *(str(number) for number in range(11)))

    assert (await ids(tracking, order_by=["experiment_id"])).split() == [
        str(number) for number in range(12)
    ]


async def test_stages_are_told_apart(tracking: Tracking) -> None:
    await make(tracking, "a")
    delete = pb.DeleteExperimentRequest(experiment_id="1")
    await tracking.experiments.DeleteExperiment(delete)

    assert await ids(tracking) == "0"
    assert await ids(tracking, view_type=experiment_pb2.VIEW_TYPE_DELETED_ONLY) == "1"
    assert await ids(tracking, view_type=experiment_pb2.VIEW_TYPE_ALL) == "0 1"


async def test_pages_neither_repeat_nor_miss_what_was_there(tracking: Tracking) -> None:
    await make(tracking, *(f"e{number}" for number in range(9)), first=1_000)
    seen: list[str] = []
    token = ""
    for number in range(20):
        page = await search(tracking, page_size=2, page_token=token)
        seen += [experiment.name for experiment in page.experiments]
        create = pb.CreateExperimentRequest(name=f"new {number}")
        await tracking.experiments.CreateExperiment(create)
        token = page.next_page_token
        if not token:
            break

    assert seen == ["Default", *(f"e{number}" for number in range(8, -1, -1))]


async def test_a_page_ends_before_it_is_too_long_to_be_received(tracking: Tracking) -> None:
    await make(tracking, "a", "b", "c")
    for number in (1, 2, 3):
        for part in range(4):
            tags = {f"{part}-{key}": "x" * 5_000 for key in range(120)}
            await set_tags(tracking, number, **tags)

    page = await search(tracking, filter="name != 'Default'")

    assert [experiment.name for experiment in page.experiments] == ["c"]
    assert page.next_page_token


async def test_a_token_belongs_to_its_question(tracking: Tracking) -> None:
    await make(tracking, "a", "b", "c")
    question: dict[str, Any] = {"filter": "name != 'x'", "order_by": ["name"], "page_size": 1}
    token = (await search(tracking, **question)).next_page_token
    changes: list[dict[str, Any]] = [
        {"filter": "name != 'y'"},
        {"order_by": ["name DESC"]},
        {"view_type": experiment_pb2.VIEW_TYPE_ALL},
        {"page_token": token[1:]},
    ]

    assert await ids(tracking, **{**question, "page_token": token, "page_size": 9}) == "1 2 3"
    for change in changes:
        fields = {**question, "page_token": token, **change}
        refusal = await tracking.refused(search(tracking, **fields))
        assert refusal.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"filter": "metrics.a > 1"}, "INVALID_FILTER", "filter"),
        ({"filter": "name = "}, "INVALID_FILTER", "filter"),
        ({"order_by": ["tags.team"]}, "INVALID_ORDER_BY", "order_by"),
        ({"page_size": -5}, "INVALID_VALUE", "page_size"),
        ({"view_type": -1}, "INVALID_VALUE", "view_type"),
        ({"page_token": "x"}, "INVALID_PAGE_TOKEN", "page_token"),
    ],
)
async def test_bad_searches_are_refused_by_field(
    tracking: Tracking, fields: dict[str, Any], reason: str, field: str
) -> None:
    refusal = await tracking.refused(search(tracking, **fields))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)
