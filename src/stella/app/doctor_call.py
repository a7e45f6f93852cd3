"""A call to itself: the greeting is heard, a question is asked, the answer is heard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from stella.app.child_server import TOKEN, serve
from stella.app.doctor_examination import Examination
from stella.app.voices import caller_voice
from stella.domain.errors import ConfigError
from stella.phone import Account, CallReport, HangUp, Meters, Speak, Telephony
from stella.phone.report import Entry, Utterance
from stella.phone.verify_call import HUM
from stella.ports.failure import Unavailable

CHECK = "call to itself"
QUESTION = "What are your opening hours?"
_BRITON, _CALLED, _NOBODY = "+447700900123", "+4312345678", "AC" + "0" * 32
_LIMIT_S = 60.0
_BLOCKING = (
    "agent-bad",
    "model-missing",
    "model-damaged",
    "voice-none",
    "voice-no-german",
    "library-broken",
    "python-old",
)


async def check_call(look: Examination) -> None:
    """Ring the server that runs here, or one of its own that is started for it and leaves nothing behind."""
    if look.failed(*_BLOCKING):
        look.note(CHECK, "after what fails above", "skipped")
        return
    try:
        question = await asyncio.to_thread(caller_voice(models=look.settings.models), QUESTION, "en")
        with _server(look) as (url, account, public_url):
            # What `<Say>` and a relay read is known: nobody waits for it here, only whether it sounds.
            telephony = Telephony(
                url, account, voice=lambda _text, _language: HUM, public_url=public_url, timeout_s=_LIMIT_S
            )
            meters = Meters()

            def answered(entry: Entry) -> None:
                # Once the answer begins, enough is known.
                if isinstance(entry, Utterance) and (entry.response_gap_s or -1.0) >= 0:
                    meters.hang_up = True

            report = await telephony.ring([Speak(QUESTION, question), HangUp()], observer=answered, meters=meters)
    except Unavailable as error:
        look.note(CHECK, f"there is no voice for the caller ({error.code})", "skipped")
    except ConfigError as error:
        look.find("self-call-no-start", CHECK, str(error)[-300:])
    else:
        _judge(look, report)


@contextlib.contextmanager
def _server(look: Examination) -> Iterator[tuple[str, Account, str]]:
    """Where to ring, as whom, and the public address it signs for."""
    settings = look.settings
    if look.running:
        token = settings.auth_tokens[0] if settings.auth_tokens else ""
        account = Account(token, settings.twilio_account_sid or _NOBODY, _BRITON, settings.twilio_number or _CALLED)
        yield look.running, account, settings.public_url if token else ""
        return
    agent = Path(settings.agent).expanduser()
    numbers = [number for agent in look.agents for number in agent.numbers]
    with serve(str(agent.absolute()) if agent.exists() else settings.agent, settings.models.absolute()) as child:
        yield child.url, Account(TOKEN, _NOBODY, _BRITON, numbers[0] if numbers else _CALLED), ""


def _judge(look: Examination, report: CallReport) -> None:
    where = "the running server" if look.running else "a server of its own"
    faults = "; ".join(f"{fault.code} {fault.detail}" for fault in report.errors())
    stream = next((stream for stream in report.streams if stream.opened_s), None)
    gathered = any(run.name == "Gather" for run in report.verbs)
    greeting = next((spurt for spurt in report.heard if spurt.source in ("stream", "relay")), None)
    if not report.ok:
        look.find("self-call-failed", CHECK, f"{where}: {faults or f'it ended as {report.status}'}")
    elif stream is None and gathered:
        look.note(CHECK, f"{where}: answered by turns of <Gather>; no stream is offered to a British caller")
    elif stream is None or greeting is None:
        look.find("self-call-failed", CHECK, f"{where}: no sound came over a stream")
    elif not report.response_gaps_s:
        look.find("self-call-deaf", CHECK, f"{where}: nothing was answered to “{QUESTION}”")
    else:
        first = ((greeting.first_sound_s or 0) - stream.opened_s) * 1000
        gap = report.response_gaps_s[0] * 1000
        look.note(CHECK, f"{where}: greeted after {first:.0f} ms, answered “{QUESTION}” after {gap:.0f} ms")
