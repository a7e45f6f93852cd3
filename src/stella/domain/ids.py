"""Names of things that must never be mixed up."""

from typing import NewType

CallSid = NewType("CallSid", str)
"""`CA` + 32 hex digits: the carrier's name of a call and the key of everything about it."""

StreamSid = NewType("StreamSid", str)
"""`MZ` + 32 hex digits: one media WebSocket of a call. A call may have several, one after another."""

AccountSid = NewType("AccountSid", str)
"""`AC` + 32 hex digits."""

TurnId = NewType("TurnId", int)
"""Counts the turns of a call from 1, both parties together. Whatever belongs to a turn carries its id."""

UtteranceId = NewType("UtteranceId", int)
"""Counts the caller's stretches of speech between two silences, from 1."""

SegmentId = NewType("SegmentId", int)
"""Counts the pieces of text handed to text-to-speech in a call, from 1 (a piece is a sentence as a rule)."""

Mark = NewType("Mark", str)
"""A named point in playout, echoed by the carrier when reached or when a clear dropped it."""
