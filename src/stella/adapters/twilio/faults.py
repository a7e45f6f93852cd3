"""Twilio's refusals in plain words: what happened, why, and the mend. Never a key."""

from __future__ import annotations

from stella.adapters.twilio.account import TwilioAccount
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable

_MOST = 300


class OutcomeUnknown(Unavailable):
    """A change was sent and its answer is missing or a 5xx: it may have been made. Read back."""


def explain(status: int, code: int | None, message: str, account: TwilioAccount) -> ProviderError:
    """The failure behind an answer of 4xx or 5xx. `message` is Twilio's own, and is cut and cleaned."""
    said = "".join(sign for sign in message if sign.isprintable())[:_MOST]
    if status == 401:
        return Rejected("twilio", "credentials", _credentials(account))
    if status == 403:
        return Rejected("twilio", "forbidden", _forbidden(code, said, account))
    if status == 404:
        why = "it was released, or belongs to another account"
        return Rejected("twilio", "not-found", f"The account {account.sid} has nothing under that SID (404): {why}.")
    if status == 429:
        return Unavailable("twilio", "busy", "Twilio answers 429, too many requests at once, and kept to it. Nothing was "
                           "changed. Something else uses this account's API heavily; try again in a minute.")  # fmt: skip
    if status >= 500:
        return Unavailable(
            "twilio", f"http-{status}", f"Twilio itself failed ({status}); see https://status.twilio.com"
        )
    if code == 21205 or "url" in said.lower():
        return Rejected("twilio", f"{code or status}", f"Twilio does not take one of the addresses: {said} (A URL needs "
                        "https, a public host name, and no underscore in it.)")  # fmt: skip
    return Rejected("twilio", f"{code or status}", f"Twilio refused: {said or f'HTTP {status}'} ({code or status})")


def not_twilio(what: str, account: TwilioAccount) -> Malformed:
    """Something answered that is not Twilio."""
    where = account.base or "api.twilio.com"
    return Malformed("twilio", "not-twilio", f"{where} answered with {what}, so it is not Twilio who answered: a proxy on "
                     "the way, or TWILIO_API_BASE is wrong.")  # fmt: skip


def _credentials(account: TwilioAccount) -> str:
    asked = f"the region {account.region}" if account.region else "the region us1"
    other = (
        "unset TWILIO_REGION and TWILIO_EDGE"
        if account.region
        else "set TWILIO_REGION and TWILIO_EDGE (ie1 and dublin)"
    )
    kind = "TWILIO_API_KEY and TWILIO_API_SECRET" if account.key else "TWILIO_AUTH_TOKEN"
    return (
        f"Twilio does not accept {kind} for the account {account.sid} (401, 20003). Either they belong to another "
        f"account or subaccount, or they were rotated or deleted; copy them again from the console. Or the region is "
        f"wrong: keys and tokens hold in one region only, and {asked} was asked; {other} if the account lives elsewhere."
    )


def _forbidden(code: int | None, said: str, account: TwilioAccount) -> str:
    if code == 20008:
        return "These are test credentials, which can do nothing here. Use the live ones."
    if code == 20005:
        return f"The account {account.sid} is suspended or closed. The Twilio console says why."
    if account.key:
        return (
            f"The API key may not do this ({code or 403}: {said}). A restricted key needs read and update on "
            "Incoming Phone Numbers; a standard key has it."
        )
    return f"Twilio forbids it ({code or 403}): {said}"
