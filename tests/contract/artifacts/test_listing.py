"""What ListArtifacts promises."""

import random

import pytest

from runstream.v1 import artifact_pb2
from tests.contract.artifacts.serving import Served
from tests.contract.tracking.serving import hex_id


async def test_a_run_without_artifacts_lists_nothing_and_says_where_they_would_be(
    serving: Served,
) -> None:
    page = await serving.page()

    assert (list(page.artifacts), page.next_page_token) == ([], "")
    assert page.artifact_uri == f"{serving.uri}/0/{hex_id(1)}/artifacts"
    run = await serving.run()
    assert page.artifact_uri == run.artifact_uri


async def test_a_folder_lists_what_is_directly_in_it(serving: Served) -> None:
    stored = {path: await serving.put(path, path.encode()) for path in ["b", "a/x", "a/y/z", "c"]}

    top, folder = await serving.page(), await serving.page("a")

    assert [found.path for found in top.artifacts] == ["a", "b", "c"]
    assert top.artifacts[0] == artifact_pb2.Artifact(path="a", directory=True)
    assert top.artifacts[1] == stored["b"]
    assert [found.path for found in folder.artifacts] == ["a/x", "a/y"]
    assert folder.artifacts[0] == stored["a/x"]
    assert folder.artifacts[1].directory


async def test_names_are_ordered_code_point_by_code_point(serving: Served) -> None:
    names = ["Z", "a", "a.b", "a0", "é", "😀", "\uffee", "10", "9", "-"]
    for name in names:
        await serving.put(name)

    assert await serving.paths() == sorted(names)


async def test_a_folder_that_is_not_there_is_empty(serving: Served) -> None:
    await serving.put("a/b")

    assert await serving.paths("c") == []
    assert await serving.paths("a/b/c") == []


async def test_a_path_that_is_a_file_yields_that_file(serving: Served) -> None:
    stored = await serving.put("a/b")

    page = await serving.page("a/b")

    assert list(page.artifacts) == [stored]


async def test_a_file_named_like_its_folder_is_told_from_the_folder(serving: Served) -> None:
    await serving.put("a/a")

    assert await serving.paths("a") == ["a/a"]
    assert await serving.paths("a/a") == ["a/a"]


@pytest.mark.parametrize("page_size", [1, 2, 7, 1000])
async def test_pages_hold_everything_once_and_in_order(serving: Served, page_size: int) -> None:
    paths = [f"f/{number:03}" for number in range(23)] + ["f/010a/x"]
    for path in random.Random(3).sample(paths, len(paths)):
        await serving.put(path)
    found: list[str] = []
    token = ""
    while True:
        page = await serving.page("f", page_size=page_size, page_token=token)
        assert len(page.artifacts) <= page_size
        found += [artifact.path for artifact in page.artifacts]
        assert all(artifact.sha256 or artifact.directory for artifact in page.artifacts)
        token = page.next_page_token
        if not token:
            break

    assert found == sorted([*paths[:-1], "f/010a"])


async def test_what_is_there_all_along_is_listed_once_whatever_comes_and_goes(
    serving: Served,
) -> None:
    for name in "bdfh":
        await serving.put(name)
    first = await serving.page(page_size=2)

    await serving.put("a")
    await serving.put("e")
    await serving.delete("d")
    second = await serving.page(page_size=10, page_token=first.next_page_token)

    assert [found.path for found in first.artifacts] == ["b", "d"]
    assert [found.path for found in second.artifacts] == ["e", "f", "h"]


async def test_a_negative_page_size_is_refused(serving: Served) -> None:
    refusal = await serving.refused(serving.page(page_size=-1))

    assert refusal.reason == "INVALID_VALUE"
    assert refusal.metadata == {"field": "page_size", "value": "-1"}


async def test_a_page_size_over_the_greatest_is_treated_as_that(serving: Served) -> None:
    await serving.put("a")

    page = await serving.page(page_size=2**31 - 1)

    assert [found.path for found in page.artifacts] == ["a"]


async def test_a_token_of_another_folder_or_of_no_folder_is_refused(serving: Served) -> None:
    for path in ("f/a", "f/b", "g/a", "g/b"):
        await serving.put(path)
    token = (await serving.page("f", page_size=1)).next_page_token
    calls = (
        serving.page("g", page_token=token),
        serving.page("f", page_token=token[:-1]),
        serving.page("f", page_token="é"),
        serving.page("f", page_token="AAAA"),
    )

    refusals = [await serving.refused(call) for call in calls]

    assert {(each.reason, each.metadata["field"]) for each in refusals} == {
        ("INVALID_PAGE_TOKEN", "page_token")
    }
