"""Listings of many keys, and that they come by name although S3 orders by key."""

from __future__ import annotations

import asyncio
import random
from typing import cast

import pytest
from tests.support.s3 import S3Server
from tests.unit.objects.backends import RUN_ID, S3Backend, at, get, put

from runstream_server.objects.base import FolderEntry
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.s3.answers import Abilities, Found, Head
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.listing import FolderLister, Place
from runstream_server.objects.s3.store import S3Store

KEY_COUNT = 1100  # more than S3 lists or deletes at once
PREFIX = "p/"
HEAD = Head(size_bytes=1, etag="", time_us=1, metadata={})


class KeyOrder:
    """Answers as S3 does: in the order of keys, folders where their first key is."""

    abilities = Abilities()

    def __init__(self, keys: list[str], page_keys: int) -> None:
        self.keys = sorted(keys, key=str.encode)
        self.page_keys = page_keys
        self.requests = 0

    async def list_page(
        self,
        prefix: str,
        *,
        by_folder: bool = False,
        after: str = "",
        token: str | None = None,
        limit: int = 1000,
    ) -> Found:
        self.requests += 1
        found: list[str] = []
        last = after if token is None else token
        limit = min(limit, self.page_keys)
        for key in self.keys:
            folder, slash, _ = key.removeprefix(prefix).partition("/")
            shown = f"{prefix}{folder}/" if by_folder and slash else key
            is_over = token is not None and shown <= last
            if not key.startswith(prefix) or key <= last or is_over or shown in found:
                continue
            if len(found) == limit:
                return self.found(found, found[-1])
            found.append(shown)
        return self.found(found, None)

    def found(self, found: list[str], token: str | None) -> Found:
        return Found(
            files=[(key, HEAD) for key in found if not key.endswith("/")],
            folders=[key for key in found if key.endswith("/")],
            next_token=token,
            server_time_s=0,
        )

    async def holds_file(self, prefix: str) -> bool:
        self.requests += 1
        return any(key.startswith(prefix) for key in self.keys)


async def pages(fake: KeyOrder, page_size: int) -> list[FolderEntry]:
    lister = FolderLister(cast("Bucket", fake), PREFIX, is_root=False)
    found: list[FolderEntry] = []
    after = Place()
    while True:
        page = await lister.entries(after, page_size + 1)
        found += page[:page_size]
        if len(page) <= page_size:
            return found
        after = Place.of_mark(Place.of(found[-1]).mark)


async def test_entries_come_by_name_whatever_the_pages() -> None:
    for seed in range(300):
        rng = random.Random(seed)
        names = {"".join(rng.choices("ab-.!0é", k=rng.randint(1, 3))) for _ in range(seed % 30)}
        names -= {".", ".."}
        files = {name for name in names if rng.random() < 0.6}
        folders = {name for name in names if rng.random() < 0.5}
        keys = [PREFIX + name for name in files]
        keys += [f"{PREFIX}{name}/{rng.random()}" for name in folders]
        fake = KeyOrder([*keys, "o", "p", "p0", "q/a"], rng.randint(1, 5))

        found = await pages(fake, rng.randint(1, 5))

        expected = [(name, False) for name in files] + [(name, True) for name in folders]
        assert [(entry.name, entry.is_folder) for entry in found] == sorted(expected), seed


async def test_a_page_of_a_large_folder_takes_few_requests() -> None:
    names = [f"checkpoint-{number:05}.pt" for number in range(20_000)]
    fake = KeyOrder([PREFIX + name for name in names] + [f"{PREFIX}checkpoint/x"], 1000)
    lister = FolderLister(cast("Bucket", fake), PREFIX, is_root=False)

    page = await lister.entries(Place(), 101)

    assert [entry.name for entry in page] == ["checkpoint", *names[:100]]
    assert fake.requests < 10


@pytest.fixture
async def many(s3_environment: S3Server) -> S3Backend:
    backend = S3Backend(s3_environment.destination())
    async with backend.new_store() as store:
        limit = asyncio.Semaphore(32)

        async def store_one(number: int) -> None:
            async with limit:
                key = f"{backend.destination.root}7/{RUN_ID}/artifacts/many/{number:04}"
                await bucket_of(store).put(key, b"x", crc32c(b"x"))

        await asyncio.gather(*map(store_one, range(KEY_COUNT)))
    return backend


def bucket_of(store: S3Store) -> Bucket:
    return store._started.bucket  # noqa: SLF001


async def test_thousands_of_keys_are_listed_and_deleted(many: S3Backend) -> None:
    async with many.new_store() as store:
        found: list[str] = []
        token = ""
        while True:
            page = await store.list_folder(at("many"), page_size=700, page_token=token)
            found += [entry.name for entry in page.entries]
            token = page.next_page_token
            if not token:
                break
        assert found == [f"{number:04}" for number in range(KEY_COUNT)]
        whole = await store.list_folder(at("many"), page_size=10_000)
        assert (len(whole.entries), whole.next_page_token) == (KEY_COUNT, "")

        deletion = await store.delete(at("many"))

        assert (deletion.file_count, deletion.size_bytes) == (KEY_COUNT, KEY_COUNT)
        assert (await store.list_folder(at("many"))).entries == ()


async def test_what_others_stored_is_shown_as_far_as_it_can_be_named(
    s3_environment: S3Server,
) -> None:
    backend = S3Backend(s3_environment.destination())
    async with backend.new_store() as store:
        root = f"{backend.destination.root}7/{RUN_ID}/artifacts/"
        for name in ("a", "a/b", "c//d", "e/", "f\\g", "h"):
            await bucket_of(store).put(root + name, b"x", crc32c(b"x"))

        page = await store.list_folder(at(""))
        first = await store.list_folder(at(""), page_size=1)
        second = await store.list_folder(at(""), page_size=1, page_token=first.next_page_token)

        shown = [(entry.name, entry.is_folder) for entry in page.entries]
        assert [entry for entry in shown if entry[0] in {"a", "h"}] == [
            ("a", False),
            ("a", True),
            ("h", False),
        ]
        assert not [name for name, _ in shown if "\\" in name or not name]
        assert [(entry.name, entry.is_folder) for entry in second.entries] == [("a", True)]
        await put(store, "k", b"mine")
        assert await get(store, "k") == b"mine"
        assert (await store.delete(at(""))).file_count >= 6
        assert (await store.list_folder(at(""))).entries == ()
