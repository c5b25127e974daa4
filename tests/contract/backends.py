"""The databases that the contract is tested on."""

from dataclasses import dataclass
from pathlib import Path

from runstream_server.storage.database import Database

__all__ = ["BACKENDS", "Backend"]


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of database."""

    name: str

    def open(self, folder: Path) -> Database:
        """Returns a database of its own for each folder, the same for the same one."""
        return Database.sqlite(str(folder / "runstream.db"))


BACKENDS = (Backend("sqlite"),)
