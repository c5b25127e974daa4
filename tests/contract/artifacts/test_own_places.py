"""Experiments with a place of their own that lies in the server's store."""

import pytest

from tests.contract.artifacts.serving import Served
from tests.contract.tracking.serving import hex_id

DATA = b"data"


@pytest.mark.parametrize(
    ("location", "folder"),
    [
        ("mlflow-artifacts:/some/path", "some/path"),
        ("mlflow-artifacts:/some//./path/", "some/path"),
        ("mlflow-artifacts:/with%2520space", "with space"),
        ("mlflow-artifacts:/7", "7"),
        ("mlflow-artifacts:/", ""),
    ],
)
async def test_a_place_below_the_destination_is_served(
    serving: Served, location: str, folder: str
) -> None:
    await serving.run_elsewhere(2, location)

    await serving.put("a/b.txt", DATA, run=2)

    path = f"{folder}/{hex_id(2)}/artifacts/a/b.txt".removeprefix("/")
    assert (await serving.files())[path] == DATA
    assert [chunk.data for chunk in (await serving.download("a/b.txt", run=2))[1]] == [DATA]
    assert [artifact.path for artifact in (await serving.page("a", run=2)).artifacts] == ["a/b.txt"]
    assert await serving.delete("a", run=2)


async def test_a_uri_of_the_store_is_served(serving: Served) -> None:
    await serving.run_elsewhere(2, f"{serving.uri}/mine")

    await serving.put("a.txt", DATA, run=2)

    assert (await serving.files())[f"mine/{hex_id(2)}/artifacts/a.txt"] == DATA


@pytest.mark.parametrize(
    "location",
    [
        "mlflow-artifacts:/../out",
        "mlflow-artifacts:/%2e%2e/out",
        "mlflow-artifacts:/%252e%252e/out",
        "mlflow-artifacts:/.uploads",
        "mlflow-artifacts:/.UPLOADS/x",
        "mlflow-artifacts:/.runstream/uploads",
        "mlflow-artifacts:/a\\..\\b",
        "file:///",
        "file:///etc",
        "s3://another-bucket/prefix",
    ],
)
async def test_a_place_outside_of_the_store_or_in_its_own_folders_is_not_served(
    serving: Served, location: str
) -> None:
    await serving.run_elsewhere(2, location)

    refusal = await serving.refused(serving.put("a", DATA, run=2))

    assert refusal.reason == "ARTIFACTS_ELSEWHERE"
