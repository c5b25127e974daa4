"""Listing a folder by the names in it.

S3 orders keys, and so a folder as if its name ended in a slash: `a-1`, `a.txt`, `a/`. The store
orders names: `a`, `a-1`, `a.txt`. The two differ only where a folder's name begins other names
that go on with a character before the slash; that is all that is looked for beyond a page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from runstream_server.objects.base import FolderEntry
from runstream_server.objects.paths import is_reserved, is_segment
from runstream_server.objects.s3.answers import Found
from runstream_server.objects.s3.bucket import Bucket

__all__ = ["FolderLister", "Place"]

LOOKED_UP_AT_ONCE: Final = 16
SLASH: Final = "/"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An entry's place in a listing. A folder comes after a file of its name.

    There are both only where somebody else has put them.
    """

    name: str = ""
    is_folder: bool = False

    @property
    def mark(self) -> str:
        """The place as a text, for page tokens."""
        return self.name + SLASH * self.is_folder

    @classmethod
    def of(cls, entry: FolderEntry) -> Place:
        """Returns the place of an entry."""
        return cls(entry.name, entry.is_folder)

    @classmethod
    def of_mark(cls, mark: str) -> Place:
        """Reads what `mark` returned."""
        return cls(mark.removesuffix(SLASH), mark.endswith(SLASH))


class FolderLister:
    """Lists one folder.

    Args:
        bucket: The bucket.
        prefix: What the keys in the folder begin with.
        is_root: Whether it is the store's root, which holds what is not listed.
    """

    def __init__(self, bucket: Bucket, prefix: str, *, is_root: bool) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._is_root = is_root

    async def entries(self, after: Place, limit: int) -> list[FolderEntry]:
        """Returns at most `limit` entries that come after a place, in order."""
        found: list[FolderEntry] = []
        looked_up: set[str] = set()
        if after.name and not after.is_folder:
            # A store that begins behind the name may have gone past its folder, too.
            found += await self._folders([after.name], looked_up)
        token: str | None = None
        last = ""
        while True:
            page = await self._bucket.list_page(
                self._prefix,
                by_folder=True,
                after=self._prefix + after.name if after.name else "",
                token=token,
                limit=limit + 1,
            )
            folders = [self._name(key) for key in page.folders]
            found += self._files(page)
            found += await self._visible(folders, looked_up)
            token = page.next_token
            if token is not None:
                names = (key.removeprefix(self._prefix) for key, _ in page.files)
                last = max((last, *folders, *names))
                found += await self._folders(_hidden_behind(last), looked_up)
            found = [entry for entry in found if Place.of(entry) > after]
            if token is None or len(found) >= limit:
                return sorted(found, key=Place.of)[:limit]

    def _files(self, page: Found) -> list[FolderEntry]:
        named = ((key.removeprefix(self._prefix), head) for key, head in page.files)
        return [
            FolderEntry(
                name=name,
                is_folder=False,
                size_bytes=head.size_bytes,
                modify_time_us=head.time_us,
            )
            for name, head in named
            if self._is_shown(name)
        ]

    async def _visible(self, names: Iterable[str], looked_up: set[str]) -> list[FolderEntry]:
        """Returns those folders of a page that are to be shown and were not found before."""
        if not self._bucket.abilities.hides_empty_folders:
            return await self._folders(names, looked_up)
        new = [name for name in names if self._is_shown(name) and name not in looked_up]
        looked_up.update(new)
        return [FolderEntry(name=name, is_folder=True) for name in new]

    async def _folders(self, names: Iterable[str], looked_up: set[str]) -> list[FolderEntry]:
        """Returns the folders of these names that have something in them."""
        new = [name for name in names if self._is_shown(name) and name not in looked_up]
        looked_up.update(new)
        found: list[FolderEntry] = []
        for begin in range(0, len(new), LOOKED_UP_AT_ONCE):
            some = new[begin : begin + LOOKED_UP_AT_ONCE]
            prefixes = [f"{self._prefix}{name}{SLASH}" for name in some]
            are_there = await asyncio.gather(*map(self._bucket.holds_file, prefixes))
            found += [
                FolderEntry(name=name, is_folder=True)
                for name, is_there in zip(some, are_there, strict=True)
                if is_there
            ]
        return found

    def _name(self, prefix: str) -> str:
        return prefix.removeprefix(self._prefix).removesuffix(SLASH)

    def _is_shown(self, name: str) -> bool:
        return is_segment(name) and not (self._is_root and is_reserved(name))


def _hidden_behind(last: str) -> list[str]:
    """Returns the names of folders that come before `last` by name and behind it by key."""
    return [last[:end] for end in range(1, len(last)) if last[end] < SLASH]
