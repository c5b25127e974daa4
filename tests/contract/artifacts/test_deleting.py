"""What DeleteArtifact promises, and what becomes of artifacts when their run is deleted."""

from pathlib import Path

import pytest

from tests.contract.artifacts.serving import (
    Served,
    chunk,
    finish,
    new_upload_id,
    served,
    spec,
)
from tests.contract.backends import Backend
from tests.contract.tracking.serving import hex_id


async def test_a_deleted_file_is_gone_with_its_digest(serving: Served) -> None:
    await serving.put("a/b")
    await serving.put("c")

    deleted = await serving.delete("a/b")

    assert deleted
    assert await serving.paths() == ["c"]
    assert [row[1] for row in (await serving.stored())["digests"]] == ["c"]


async def test_a_deleted_folder_is_gone_with_all_it_holds_and_nothing_else(
    serving: Served,
) -> None:
    for path in ("a/b", "a/c/d", "a.txt", "a0", "ab/c", "b"):
        await serving.put(path)

    deleted = await serving.delete("a")

    assert deleted
    assert await serving.paths() == ["a.txt", "a0", "ab/", "b"]
    digests = (await serving.stored())["digests"]
    assert sorted(row[1] for row in digests) == ["a.txt", "a0", "ab/c", "b"]


async def test_the_same_path_of_another_run_stays(serving: Served) -> None:
    await serving.run(2)
    stored = await serving.put("a", run=2)
    await serving.put("a")

    await serving.delete("a")

    assert list((await serving.page(run=2)).artifacts) == [stored]


async def test_what_is_not_there_is_deleted(serving: Served) -> None:
    await serving.put("a")

    assert [await serving.delete(path) for path in ("b", "a/b", "a", "a")] == [
        False,
        False,
        True,
        False,
    ]


async def test_a_deleted_path_can_be_used_again(serving: Served) -> None:
    await serving.put("a/b")
    await serving.delete("a")

    await serving.put("a", b"a file now")

    assert await serving.get("a") == b"a file now"


async def test_an_upload_under_way_survives_a_deletion_of_its_path(folder_serving: Served) -> None:
    serving = folder_serving  # where each chunk of its own is durable
    upload_id = new_upload_id()
    await serving.put("a/b", b"old")
    call = await serving.begin(spec("a/b", upload_id), chunk(b"new"))
    await serving.durable(upload_id, 3)

    await serving.delete("a")
    await call.write(finish(b"new"))

    assert (await call).upload.complete
    assert await serving.get("a/b") == b"new"


async def test_artifacts_of_a_deleted_run_can_be_read_and_not_be_changed(serving: Served) -> None:
    upload_id = new_upload_id()
    stored = await serving.put("a", upload_id=upload_id)
    await serving.delete_run()

    assert list((await serving.page()).artifacts) == [stored]
    assert await serving.get("a") == b"data"
    assert (await serving.upload(upload_id)).complete
    for call in (
        serving.send(spec("b"), chunk(b"data"), finish(b"data")),
        serving.delete("a"),
        serving.delete("missing"),
    ):
        refusal = await serving.refused(call)
        assert (refusal.reason, refusal.metadata) == ("RUN_DELETED", {"run_id": hex_id(1)})


async def test_an_upload_that_was_complete_before_its_run_was_deleted_still_says_so(
    serving: Served,
) -> None:
    upload_id = new_upload_id()
    first = await serving.send(spec("a", upload_id), chunk(b"data"), finish(b"data"))
    await serving.delete_run()

    again = await serving.send(spec("a", upload_id), chunk(b"data"), finish(b"data"))

    assert again == first


@pytest.mark.parametrize(
    "location",
    [
        "s3://bucket/prefix",
        "file:///somewhere/else",
        "mlflow-artifacts://other:5000/1",
        "hdfs://host/x",
    ],
)
async def test_a_run_that_keeps_its_artifacts_elsewhere_is_refused_with_the_place(
    serving: Served, location: str
) -> None:
    await serving.run_elsewhere(2, location)
    calls = (
        serving.send(spec("a", run=2), chunk(b"data"), finish(b"data")),
        serving.download("a", run=2),
        serving.page(run=2),
        serving.delete("a", run=2),
    )

    for call in calls:
        refusal = await serving.refused(call)

        uri = f"{location}/{hex_id(2)}/artifacts"
        assert refusal.reason == "ARTIFACTS_ELSEWHERE"
        assert refusal.metadata == {"run_id": hex_id(2), "artifact_uri": uri}
        assert uri in refusal.message


async def test_a_server_whose_root_moved_finds_the_artifacts_there(
    backend: Backend, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    async with served(backend, old) as serving:
        await serving.run()
        stored = await serving.put("a")
    old.rename(new)
    backend.moved(old, new)

    async with served(backend, new) as serving:
        page = await serving.page()

    assert list(page.artifacts) == [stored]
    assert page.artifact_uri.startswith(new.as_uri())
