"""What all tables of the schema are made with."""

import sqlalchemy as sa

__all__ = ["Integer", "Text", "metadata"]

metadata = sa.MetaData()

# SQLite compares texts by bytes of UTF-8 as it is, which is by code point.
Text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
Integer = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
