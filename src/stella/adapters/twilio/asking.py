"""The SDK's many ways to fail, as ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from twilio.base.exceptions import (  # type: ignore[import-untyped]
    TwilioException,
    TwilioRestException,
    TwilioServiceException,
)

from stella.adapters.twilio.account import TwilioAccount
from stella.adapters.twilio.faults import OutcomeUnknown, explain, not_twilio
from stella.ports.failure import ProviderError


@contextmanager
def asking(account: TwilioAccount, *, changing: bool = False) -> Iterator[None]:
    """Around a use of the SDK. Raises ProviderError; OutcomeUnknown where a change may have been made."""
    try:
        yield
    except TwilioRestException as wrong:
        raise _explained(account, wrong.status, wrong.code, wrong.msg, changing=changing) from None
    except TwilioServiceException as wrong:
        words = wrong.detail or wrong.title
        raise _explained(account, wrong.status, wrong.code, words, changing=changing) from None
    except TwilioException as wrong:
        # A page that is no page carries its answer as the second argument.
        answer = wrong.args[1] if len(wrong.args) > 1 else None
        status = int(getattr(answer, "status_code", 0))
        if status >= 400:
            code, words = _problem(str(getattr(answer, "text", "")))
            raise _explained(account, status, code, words, changing=changing) from None
        raise not_twilio(f"HTTP {status}" if status else "something else", account) from None
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        # The SDK reads JSON without looking; a captive portal's page ends here.
        if changing:
            raise OutcomeUnknown("twilio", "unreadable", "Twilio's answer to the change could not be read.") from None
        raise not_twilio(f"what is no JSON of Twilio's ({type(wrong).__name__})", account) from None


def _explained(account: TwilioAccount, status: int, code: int | None, words: str, *, changing: bool) -> ProviderError:
    if changing and status >= 500:
        return OutcomeUnknown("twilio", f"http-{status}", f"Twilio answered {status}; the change may have been made.")
    return explain(status, code, words, account)


def _problem(text: str) -> tuple[int | None, str]:
    try:
        body = json.loads(text)
        return int(body.get("code") or 0) or None, str(body.get("message") or body.get("detail") or "")
    except (ValueError, AttributeError, TypeError):
        return None, ""
