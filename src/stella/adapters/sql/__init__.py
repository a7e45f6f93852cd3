"""Records and the outbox in SQLite or PostgreSQL, through SQLAlchemy Core."""

from stella.adapters.sql.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
