"""Short queries on tables that may lack columns, or not be there."""

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from runstream.importing.source import UnreadableSource

__all__ = ["Row", "Tables"]

Row = tuple[Any, ...]


class Tables:
    """The tables of a database as they are. A column that is not there is NULL in every row.

    Attributes:
        is_sqlite: Whether the database is a file of SQLite.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self.is_sqlite = engine.dialect.name == "sqlite"
        self._inspector = sa.inspect(engine)
        self._columns: dict[str, frozenset[str]] = {
            name: frozenset() for name in self._inspector.get_table_names()
        }

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def has(self, table: str) -> bool:
        """Tells whether there is such a table."""
        return table in self._columns

    def column(self, table: str, name: str) -> sa.ColumnElement[Any]:
        """Returns a column, or NULL for one that is not there."""
        if not self._columns[table]:
            found = self._inspector.get_columns(table)
            self._columns[table] = frozenset(column["name"] for column in found)
        if name in self._columns[table]:
            return sa.column(name)
        return sa.null().label(name)

    def rows(
        self, table: str, *names: str, where: tuple[str, Sequence[Any]] | None = None
    ) -> list[Row]:
        """Returns columns of all rows, or of those with certain values in one of them."""
        if not self.has(table):
            return []
        query = sa.select(*(self.column(table, name) for name in names)).select_from(
            sa.table(table)
        )
        if where is not None:
            query = query.where(self.column(table, where[0]).in_(where[1]))
        return self.fetch(query)

    def counts(self, table: str, owner: str, key: str, owners: Sequence[Any]) -> list[Row]:
        """Returns how many rows there are of each owner and key."""
        if not self.has(table):
            return []
        pair = (self.column(table, owner), self.column(table, key))
        query = sa.select(*pair, sa.func.count()).select_from(sa.table(table))
        return self.fetch(query.where(pair[0].in_(owners)).group_by(*pair))

    def count(self, table: str) -> int:
        """Returns how many rows there are."""
        if not self.has(table):
            return 0
        return int(self.fetch(sa.select(sa.func.count()).select_from(sa.table(table)))[0][0])

    def fetch(self, query: sa.Executable) -> list[Row]:
        """Returns all rows of a query, as the driver makes them.

        Raises:
            UnreadableSource: if the database fails.
        """
        try:
            with self._engine.connect() as connection:
                result = cast("sa.CursorResult[Any]", connection.execute(query))
                # The driver's tuples: rows of the result would take twice as long.
                cursor: Any = result.cursor
                return list(cursor.fetchall())
        except SQLAlchemyError as error:
            raise UnreadableSource(f"the database cannot be read: {error}") from error
