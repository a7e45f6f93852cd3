"""The legs of one call and the single-use tokens that open them (PRODUCT §2). Pure bookkeeping; time is an argument.

Law 1: a token belongs to (account, call, leg) and opens that leg once.
Law 2: leg n+1 is minted once, and only when leg n has ended or is provably dead.
Law 3: a verified newer leg displaces an older socket that is still half open.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum, auto

from stella.domain.errors import Refused

TOKEN_GRACE_S = 60.0
"""A token outlives the estimated time of the `<Say>` before its stream by this much."""

SPOKEN_CHARS_PER_S = 11.0
"""A slow voice; generous on purpose: too long a life only costs a single-use token some seconds."""


class LegState(Enum):
    """Where a leg is."""

    MINTED = auto()
    LIVE = auto()
    ENDED = auto()


@dataclass(slots=True)
class Leg:
    """One stream of a call, past, present or to come."""

    number: int
    token: str
    minted_at: float
    expires_at: float
    state: LegState = LegState.MINTED
    refused: str = ""


class Legs:
    """All legs of one call."""

    def __init__(self, call_sid: str, account_sid: str) -> None:
        """No leg yet."""
        self.call_sid, self.account_sid = call_sid, account_sid
        self._legs: list[Leg] = []

    @property
    def current(self) -> Leg | None:
        """The newest leg."""
        return self._legs[-1] if self._legs else None

    @property
    def begun(self) -> bool:
        """Whether any leg has ever been live."""
        return any(leg.state is not LegState.MINTED for leg in self._legs)

    def mint(self, token: str, said_chars: int, now: float) -> Leg:
        """The next leg, with a fresh `token`. Raises Refused when the current one has neither ended nor failed."""
        last = self.current
        if last and last.state is LegState.LIVE:
            raise Refused("leg-alive", "the stream of this call is still open")
        if last and last.state is LegState.MINTED:
            last.state = LegState.ENDED
            last.refused = last.refused or "never-opened"
        life = said_chars / SPOKEN_CHARS_PER_S + TOKEN_GRACE_S
        leg = Leg(len(self._legs) + 1, token, now, now + life)
        self._legs.append(leg)
        return leg

    def open(self, token: str, call_sid: str, account_sid: str, now: float) -> Leg:
        """Spend a token. Raises Refused: `no-token`, `unknown-token`, `spent-token`, `expired-token`, `other-call`,
        `stale-leg`; nothing changes then, except that an expired token is remembered as the leg's failure."""
        if not token:
            raise Refused("no-token", "the TwiML of /voice carries it as <Parameter name='token'>; a proxy dropped it?")
        match = None
        for leg in self._legs:
            if hmac.compare_digest(leg.token.encode(), token.encode("utf-8", "replace")):
                match = leg
        if match is None:
            raise Refused("unknown-token", "the token was not given out by this server for this call")
        if call_sid != self.call_sid or account_sid != self.account_sid:
            raise Refused("other-call", "the token belongs to another call")
        if match is not self._legs[-1]:
            raise Refused("stale-leg", "a newer stream of this call was begun")
        if match.state is not LegState.MINTED:
            raise Refused("spent-token", "each token opens one stream once")
        if now > match.expires_at:
            match.refused = "expired-token"
            raise Refused("expired-token", "the stream opened too late after /voice was answered")
        match.state = LegState.LIVE
        return match

    def end(self, leg: Leg) -> None:
        """The leg's socket is gone."""
        leg.state = LegState.ENDED
