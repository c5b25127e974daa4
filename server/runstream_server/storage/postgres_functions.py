"""SQL functions that PostgreSQL lacks, or has only in some versions."""

import sys
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.sqlite_functions import CASEFOLD

__all__ = ["create_functions"]

ASCII_END: Final = 0x80


async def create_functions(connection: AsyncConnection) -> None:
    """Creates the functions in the database."""
    # Without parameters, so that the driver takes the text as it is.
    await connection.exec_driver_sql(_casefold_definition())


def _casefold_definition() -> str:
    """Returns the definition of a function that folds as Python's `str.casefold` does.

    PostgreSQL 18 has a `casefold` of its own, older ones have none that is the same everywhere.
    """
    characters = [c for c in map(chr, range(sys.maxunicode + 1)) if c.casefold() != c]
    ascii_ones = [c for c in characters if ord(c) < ASCII_END]
    single = [c for c in characters if len(c.casefold()) == 1]
    folded = _translated(single)
    for character in characters:
        if len(character.casefold()) > 1:
            folded = f"replace({folded}, '{character}', '{character.casefold()}')"
    return (
        f"CREATE OR REPLACE FUNCTION {CASEFOLD}(text) RETURNS text"
        " LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $body$"
        " SELECT CASE WHEN octet_length($1) = char_length($1)"
        f" THEN {_translated(ascii_ones)} ELSE {folded} END $body$"
    )


def _translated(characters: list[str]) -> str:
    folded = "".join(character.casefold() for character in characters)
    return f"translate($1, '{''.join(characters)}', '{folded}')"
