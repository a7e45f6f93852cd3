"""The tables. Alembic's migrations make them; a test checks that both say the same."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

HEAD = "0002"
"""The newest migration this code knows; the fast path at start compares with it before Alembic is loaded."""


class Json(TypeDecorator[Any]):
    """JSON as ASCII text: NUL, lone surrogates and NaN survive on every database, and go back exactly as they came."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Python to text; what JSON does not know becomes its `str`."""
        return None if value is None else json.dumps(value, default=str)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """Text to Python."""
        return None if value is None else json.loads(value)


metadata = MetaData()
_serial = BigInteger().with_variant(Integer, "sqlite")


def _of_call() -> Column[str]:
    return Column("call_sid", Text, ForeignKey("calls.call_sid", ondelete="CASCADE"), primary_key=True)


calls = Table(
    "calls",
    metadata,
    Column("call_sid", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("node", Text, nullable=False),
    Column("stream_sids", Json, nullable=False),
    Column("account_sid", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("from_", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("voice_path", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("answered_at", Text),
    Column("ended_at", Text),
    Column("duration_s", Double),
    Column("ended_by", Text),
    Column("error", Text),
    Column("disclosure", Json),
    Column("consent", Json),
    Column("latency", Json, nullable=False),
    Column("media", Json, nullable=False),
    Column("cost", Json, nullable=False),
    Column("recording", Json, nullable=False),
    Index("calls_by_time", "created_at", "call_sid"),
    Index("calls_by_number", "from_"),
    Index("calls_by_status", "status"),
)

turns = Table(
    "turns",
    metadata,
    _of_call(),
    Column("position", Integer, primary_key=True),
    Column("turn", BigInteger, nullable=False),
    Column("speaker", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("started_s", Double, nullable=False),
    Column("ended_s", Double, nullable=False),
    Column("interrupted", Boolean, nullable=False),
    Column("heard_text", Text, nullable=False),
)

dtmf = Table(
    "dtmf",
    metadata,
    _of_call(),
    Column("position", Integer, primary_key=True),
    Column("digit", Text, nullable=False),
    Column("at_s", Double, nullable=False),
)

tools = Table(
    "tools",
    metadata,
    _of_call(),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("started_s", Double, nullable=False),
    Column("ended_s", Double),
    Column("error", Text),
)

# Evidence is only ever appended. Each row carries the digest of the one before it, so that a changed row shows.
# It outlives the call's row: it holds no number, and proves what was said and answered.
consents = Table(
    "consents",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("call_sid", Text, nullable=False, index=True),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

disclosures = Table(
    "disclosures",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("call_sid", Text, nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("heard_at", Text),
    Column("digest", Text, nullable=False),
)

web_consents = Table(
    "web_consents",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("consent_id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("consent", Boolean, nullable=False),
    Column("ip_hash", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("digest", Text, nullable=False),
)

call_states = Table(
    "call_states",
    metadata,
    Column("call_sid", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
)

tapes = Table(
    "tapes",
    metadata,
    Column("call_sid", Text, primary_key=True),
    Column("leg", Integer, primary_key=True, autoincrement=False),
    Column("kept_at", Double, nullable=False),
    Column("head", Json, nullable=False),
    Column("skeleton", Text, nullable=False),
    Column("words", Text),
    Column("steps", Integer, nullable=False),
    Column("dropped", Integer, nullable=False),
    Index("tapes_by_time", "kept_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("key", Text, primary_key=True),
    Column("call_sid", Text, nullable=False, index=True),
    Column("agent", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("fields", Json, nullable=False),
    Column("put_at", Double, nullable=False),
    Column("problem", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("notice_key", Text, ForeignKey("notices.key", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("put_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("claimed_by", Text, nullable=False),
    Column("claimed_until", Double, nullable=False),
    Column("done_at", Double),
    Column("problem", Text, nullable=False),
    UniqueConstraint("notice_key", "kind", "to", name="deliveries_once"),
    Index("deliveries_due", "state", "due_at"),
)

pulse = Table(
    "pulse",
    metadata,
    Column("node", Text, primary_key=True),
    Column("beats", BigInteger, nullable=False),
)
