"""Paths that must never become file names, at every door that takes a path."""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runstream_server.objects.errors import InvalidPath
from runstream_server.objects.paths import split_path
from tests.contract.artifacts.serving import Served, chunk, finish, spec

HOSTILE = {
    "parent": "../a",
    "parent inside": "a/../b",
    "parent at the end": "a/..",
    "only parents": "../../../../../../etc/passwd",
    "this": "./a",
    "this alone": ".",
    "absolute": "/etc/passwd",
    "two slashes": "a//b",
    "slash at the end": "a/",
    "backslash": "a\\b",
    "windows parent": "..\\..\\a",
    "null": "a\0b",
    "newline": "a\nb",
    "delete": "a\x7fb",
    "next line": "a\x85b",
    "long segment": "a" * 256,
    "long segment in bytes": "ä" * 128,
    "long": "/".join(["a" * 200] * 6),
}

Door = Callable[[Served, str], Awaitable[Any]]


def upload(serving: Served, path: str) -> Awaitable[Any]:
    return serving.send(spec(path), chunk(b"data"), finish(b"data"))


def download(serving: Served, path: str) -> Awaitable[Any]:
    return serving.download(path)


def list_(serving: Served, path: str) -> Awaitable[Any]:
    return serving.page(path)


def delete(serving: Served, path: str) -> Awaitable[Any]:
    return serving.delete(path)


@pytest.mark.parametrize("door", [upload, download, list_, delete])
async def test_a_path_that_breaks_a_rule_is_refused_with_it(serving: Served, door: Door) -> None:
    await serving.put("a/b")
    for path in HOSTILE.values():
        refusal = await serving.refused(door(serving, path))

        assert refusal.reason == "INVALID_PATH", path
        assert refusal.metadata["field"] == ("spec.path" if door is upload else "path")
        assert refusal.metadata["value"][:100] == path[:100]


@pytest.mark.parametrize("door", [upload, download, delete])
async def test_a_path_that_must_be_given_is_missed(serving: Served, door: Door) -> None:
    await serving.put("a")

    refusal = await serving.refused(door(serving, ""))

    assert refusal.reason == "MISSING_VALUE"


@pytest.mark.parametrize(
    "path",
    [
        "a b/c d",
        "…/日本語.txt",
        "~/.ssh/id",
        "%2e%2e/%2fetc",
        "a:b*?\"<>|'`$(rm)",
        "-rf",
        ".hidden",
        "...",
        "con/nul",
        "e\u0301",
        "\u00e9",
        "\U0001f600" * 60,
    ],
)
async def test_odd_paths_that_break_no_rule_come_back_as_they_are(
    serving: Served, path: str
) -> None:
    await serving.put(path, path.encode())

    assert await serving.get(path) == path.encode()
    assert [found.path for found in (await serving.page(path)).artifacts] == [path]
    assert await serving.delete(path)
    assert await serving.paths() == []


async def test_a_path_as_deep_as_can_be_comes_back(folder_serving: Served) -> None:
    path = "/".join(["d"] * 512)  # more than a key of S3 may have, with what stands before it

    await folder_serving.put(path, b"deep")

    assert await folder_serving.get(path) == b"deep"
    assert [found.path for found in (await folder_serving.page(path)).artifacts] == [path]
    assert await folder_serving.delete(path)
    assert await folder_serving.paths() == []


async def test_a_link_in_the_folder_leads_nowhere(folder_serving: Served, tmp_path: Path) -> None:
    serving = folder_serving
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    await serving.put("a/b")
    folder = serving.folder / "0" / f"{1:032x}" / "artifacts" / "a"
    (folder / "link").symlink_to(secret)
    (folder / "file").symlink_to(secret / "file")

    reasons = [
        (await serving.refused(call)).reason
        for call in (
            serving.download("a/link/file"),
            serving.download("a/file"),
            upload(serving, "a/link/file"),
        )
    ]

    assert reasons == ["ARTIFACT_NOT_FOUND", "ARTIFACT_NOT_FOUND", "PATH_CONFLICT"]
    assert await serving.paths("a") == ["a/b"]
    await serving.delete("a/link")
    await serving.delete("a")
    assert (secret / "file").read_text() == "secret"


async def test_whatever_the_path_an_upload_stays_in_its_folder(serving: Served) -> None:
    top = f"0/{1:032x}/artifacts"
    maker = random.Random(7)
    for _ in range(150):
        path = "".join(
            maker.choices("./\\ab\0\n~ä", [4, 4, 1, 4, 2, 1, 1, 1, 1], k=maker.randint(1, 9))
        )
        try:
            split_path(path)
        except InvalidPath:
            assert (await serving.refused(upload(serving, path))).reason == "INVALID_PATH", path
            continue

        await upload(serving, path)

        assert (await serving.files())[f"{top}/{path}"] == b"data", path
        assert await serving.delete(path)
