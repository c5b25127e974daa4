"""How a store is opened by its address."""

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from runstream.errors import InvalidValue
from runstream.importing.source import Source, UnreadableSource

__all__ = ["open_source"]

SQLITE_MAGIC: Final = b"SQLite format 3\x00"


def open_source(address: str) -> Source:
    """Opens a store by a database URI, a database file, or a folder.

    Raises:
        InvalidValue: if the address is none of these.
        UnreadableSource: if there is nothing that could be read, or a package is missing.
    """
    parts = urlsplit(address)
    if parts.scheme in {"http", "https"}:
        raise InvalidValue(
            f"{address} is a server: import from what it stores in, its --backend-store-uri"
        )
    if parts.scheme and parts.scheme != "file" and len(parts.scheme) > 1:
        # Each kind of store asks for its own package when it is imported.
        from runstream.importing.database import DatabaseSource

        return DatabaseSource(address)
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(address)
    path = path.expanduser().absolute()
    if path.is_file() and path.open("rb").read(len(SQLITE_MAGIC)) == SQLITE_MAGIC:
        from runstream.importing.database import DatabaseSource

        return DatabaseSource(f"sqlite:///{path}")
    if not path.is_dir():
        raise UnreadableSource(
            f"there is no folder {path}: name an mlruns folder, or a database by its URI"
        )
    from runstream.importing.mlruns import MlrunsSource

    return MlrunsSource(path)
