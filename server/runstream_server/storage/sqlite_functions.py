"""SQL functions that SQLite lacks."""

from typing import Any, Final

__all__ = ["CASEFOLD", "add_functions"]

CASEFOLD: Final = "runstream_casefold"
"""Folds the case of a text, of all of Unicode; SQLite's own lower() knows ASCII only."""


def add_functions(dbapi_connection: Any) -> None:  # noqa: ANN401 - the driver's adapter has no type
    """Adds the functions to a connection that has just been opened."""
    dbapi_connection.create_function(CASEFOLD, 1, _casefold, deterministic=True)


def _casefold(text: object) -> object:
    return text.casefold() if isinstance(text, str) else text
