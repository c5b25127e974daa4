"""Every test over every kind of database, unless it says otherwise."""

from tests.contract.backends import backend, postgres_pool

__all__ = ["backend", "postgres_pool"]
