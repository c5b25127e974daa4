"""Where the old store's artifacts lie, and which files they are."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

__all__ = ["Files", "Places", "files_below"]

PROXY_PATH: Final = "/api/2.0/mlflow-artifacts/artifacts/"
OWNER_PARTS: Final = 3
"""The last parts of a place: experiment, run (or `models` and model), `artifacts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where artifacts are.

    Attributes:
        folder: A folder of this machine, which need not exist; None when they are elsewhere.
        elsewhere: What to call the place where they are, when this machine cannot read it.
        expected: The folder that does not exist, when nothing is known of the files.
    """

    folder: Path | None = None
    elsewhere: str = ""
    expected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Knows where URIs lead.

    Attributes:
        relative_to: Where relative paths begin.
        root: Where the old server kept what went through it; None when that was not said.
    """

    relative_to: Path
    root: Path | None

    def files(self, uri: str, beside: Path | None) -> Files:
        """Returns where the artifacts of a URI are.

        Args:
            uri: What the store says.
            beside: Where a folder that was moved has them.
        """
        if not uri:
            return Files(folder=beside) if _is_dir(beside) else Files()
        parts = urlsplit(uri)
        proxied = _proxied_path(uri)
        if proxied is not None:
            if self.root is not None:
                return Files(folder=self.root / normal(proxied))
            return Files(folder=beside) if _is_dir(beside) else Files(elsewhere=_shown(uri))
        if parts.scheme not in {"", "file"} and len(parts.scheme) > 1:
            return Files(folder=beside) if _is_dir(beside) else Files(elsewhere=_shown(uri))
        named = self.relative_to / (unquote(parts.path) if parts.scheme == "file" else uri)
        candidates = [named, beside, self._below_root(named)]
        for folder in candidates:
            if folder is not None and folder.is_dir():
                return Files(folder=folder)
        # A folder is made with its first file, so most runs without artifacts have none.
        store = named.parents[min(OWNER_PARTS, len(named.parents)) - 1]
        return Files() if store.is_dir() else Files(expected=str(store))

    def _below_root(self, named: Path) -> Path | None:
        return None if self.root is None else self.root.joinpath(*named.parts[-OWNER_PARTS:])


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yields the path of each artifact below a folder, and its file. Links are followed once."""
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in sorted(names):
            path = Path(parent) / name
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path


def normal(path: str) -> str:
    """Returns a path that stays below where it is put."""
    return str(PurePosixPath(*(part for part in path.split("/") if part not in {"", ".", ".."})))


def _proxied_path(uri: str) -> str | None:
    """Returns the path of what a server hands out, from its top folder; None for other URIs."""
    parts = urlsplit(uri)
    if parts.scheme == "mlflow-artifacts":
        return unquote(parts.path)
    if parts.scheme in {"http", "https"} and PROXY_PATH in parts.path:
        return unquote(parts.path.partition(PROXY_PATH)[2])
    return None


def _is_dir(folder: Path | None) -> bool:
    return folder is not None and folder.is_dir()


def _shown(uri: str) -> str:
    """Returns the place of an experiment, from the URI of a run in it."""
    return uri.rstrip("/").rsplit("/", 2)[0] or uri
