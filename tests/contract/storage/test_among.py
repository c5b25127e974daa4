"""Texts bound as one value: the same answers as an IN list, and the index is used."""

import contextlib
import sqlite3

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from runstream_server.storage.among import TEXTS, among
from runstream_server.storage.schema import params

QUERY = sa.select(params.c.run_id).where(among(params.c.run_id)).order_by(params.c.run_id)
STORED = ["", "'", '"', "[]", "a", "b\\", "ä\u2028", "1", "1.0"]


@pytest.mark.parametrize("wanted", [[], ["a"], STORED, ["1.0", "x"], ["a"] * 40_000])
def test_what_is_among_the_texts_is_found(wanted: list[str]) -> None:
    engine = sa.create_engine("sqlite://")
    params.create(engine)
    with engine.begin() as connection:
        rows = [{"run_id": each, "key": "k", "value": "v"} for each in STORED]
        connection.execute(sa.insert(params), rows)

        found = connection.execute(QUERY, {TEXTS: wanted}).scalars().all()

    assert found == sorted(set(wanted) & set(STORED))
    engine.dispose()


def test_sqlite_looks_the_texts_up() -> None:
    statement = str(QUERY.compile(dialect=sqlite.dialect()))
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE params (run_id TEXT, key TEXT, PRIMARY KEY (run_id, key))")
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", ["[]"]).fetchall()

    assert "SEARCH params" in str(plan)


def test_postgresql_gets_an_array() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statement = str(QUERY.compile(dialect=dialect))

    assert "params.run_id = ANY(%(texts)s::TEXT[])" in statement
