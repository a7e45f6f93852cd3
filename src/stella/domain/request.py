"""What the carrier asks of us over HTTP, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CallRequest:
    """A request about a call: the voice webhook, `action`s, `<Redirect>`s and callbacks.

    Everything in it is the caller's or the network's word, even when the signature is right. `fields` has every field
    received (the first value of each), unknown ones included. A bare request in development has an empty `call_sid`.
    """

    call_sid: str = ""
    account_sid: str = ""
    from_: str = ""
    to: str = ""
    status: str = ""
    direction: str = "inbound"
    country: str = ""
    digits: str = ""
    speech: str = ""
    confidence: float | None = None
    dial_status: str = ""
    call_duration_s: int | None = None
    sequence: int | None = None
    error_code: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamNotice:
    """A stream status callback: `event` is `stream-started`, `stream-stopped` or `stream-error`."""

    call_sid: str
    stream_sid: str
    event: str
    error: str = ""
