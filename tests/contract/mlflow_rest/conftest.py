"""What goes through the database is tested over every kind of it."""

from tests.contract.backends import (
    each_server,
    postgres_pool,
    postgres_server,
    sqlite_server,
)

__all__ = ["each_server", "postgres_pool", "postgres_server", "sqlite_server"]
