"""The condition that a column holds one of many texts, bound as a single value.

An IN list binds a value each: SQLAlchemy renders it anew for every query, which takes longer than
the query itself. With one bound value the statement is always the same.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["TEXTS", "among"]

TEXTS: Final = "texts"
"""The name under which a statement that has an `among` takes its texts."""


class _Texts(TypeDecorator[Sequence[str]]):
    """Many texts as one value: JSON for SQLite, an array for PostgreSQL."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(postgresql.ARRAY(sa.Text()))

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:  # noqa: ANN401 - the engine's own form
        given = list(value or ())
        return json.dumps(given) if dialect.name == "sqlite" else given


class _Among(FunctionElement[Any]):
    name = "among"
    inherit_cache = True
    type = sa.types.NULLTYPE  # a Boolean would become `… = 1`, and SQLite would scan the table


def among(column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Returns the condition that a column is one of the texts bound to `TEXTS`.

    Any number of them may be bound, none included.
    """
    return _Among(column, sa.bindparam(TEXTS, type_=_Texts()))


@compiles(_Among, "sqlite")
def _of_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    column, texts = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608 - both are compiled


@compiles(_Among, "postgresql")
def _of_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's signature
    column, texts = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY({texts})"
