"""Twilio's form posts, read into values. Tolerant: new fields appear without notice and any field may be missing.

Spec: https://www.twilio.com/docs/voice/twiml#request-parameters
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final
from urllib.parse import parse_qsl

from stella.domain.errors import MalformedMessage
from stella.domain.request import CallRequest, StreamNotice

MAX_FORM: Final = 65_536
"""Bytes of a form. Twilio's are under 10 kB."""

MAX_FIELDS: Final = 1_000

Pairs = Iterable[tuple[str, str]]


def parse_form(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Decode an `application/x-www-form-urlencoded` body or a query, once: order, repeats and blanks are kept.

    The signature is computed over exactly this. Raises MalformedMessage (`size`, `fields` or `utf-8`).
    """
    if len(raw) > MAX_FORM:
        raise MalformedMessage(f"a form of {len(raw)} bytes; the bound is {MAX_FORM}", "size")
    try:
        text = raw.decode("utf-8")
        return tuple(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except UnicodeDecodeError:
        raise MalformedMessage("a form that is not UTF-8; Twilio sends nothing else", "utf-8") from None
    except ValueError:
        raise MalformedMessage(f"a form of more than {MAX_FIELDS} fields", "fields") from None


def call_request(pairs: Pairs, query: Mapping[str, str] | Pairs = ()) -> CallRequest:
    """Read a request about a call; never raises. What is missing is empty, what is no number is None.

    Repeated fields count with their first value. `From` may be anything: E.164, empty, `anonymous`, `client:…`,
    `sip:…`.
    """
    fields = _first(pairs)
    get = fields.get
    return CallRequest(
        call_sid=get("CallSid", ""),
        account_sid=get("AccountSid", ""),
        from_=get("From") or get("Caller", ""),
        to=get("To") or get("Called", ""),
        status=get("CallStatus", ""),
        direction=get("Direction") or "inbound",
        country=(get("FromCountry") or get("CallerCountry", "")).upper(),
        digits=get("Digits", ""),
        speech=get("SpeechResult", ""),
        confidence=_fraction(get("Confidence", "")),
        dial_status=get("DialCallStatus", ""),
        call_duration_s=_count(get("CallDuration", "")),
        sequence=_count(get("SequenceNumber", "")),
        error_code=get("ErrorCode", ""),
        query=_first(query.items() if isinstance(query, Mapping) else query),
        fields=fields,
    )


def stream_notice(pairs: Pairs) -> StreamNotice:
    """Read a stream status callback; never raises."""
    get = _first(pairs).get
    return StreamNotice(get("CallSid", ""), get("StreamSid", ""), get("StreamEvent", ""), get("StreamError", ""))


def _first(pairs: Pairs) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value)
    return fields


def _count(text: str) -> int | None:
    # `isdecimal` admits digits of other scripts, which `int` reads as well; the bound keeps it cheap.
    return int(text) if text.isdecimal() and len(text) <= 9 else None


def _fraction(text: str) -> float | None:
    try:
        value = float(text[:32])
    except ValueError:
        return None
    return value if isfinite(value) else None
