"""`stella call`: rings a STELLA over Twilio's own protocol, with no Twilio account."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

_Url = Annotated[str, typer.Argument(help="The server to ring (its address, or the voice webhook itself).")]
_Say = Annotated[
    list[str] | None,
    typer.Option("--say", help="What the caller says, in turn, whenever the agent has stopped talking. Repeatable."),
]
_Wav = Annotated[Path | None, typer.Option("--wav", help="A WAV file to say (16-bit).", dir_okay=False)]
_Mic = Annotated[bool, typer.Option("--mic", help="Speak yourself: needs arecord (and aplay to hear) on the PATH.")]
_Lang = Annotated[str, typer.Option("--lang", help="The caller's language: en or de.")]
_From = Annotated[str, typer.Option("--from", help="The caller's number, E.164, or anonymous.")]
_To = Annotated[str, typer.Option("--to", help="The number that is called (default: TWILIO_NUMBER).")]
_Snr = Annotated[float, typer.Option("--snr", help="Line noise: dB below the caller's voice (100 or more: none).")]
_InterruptAt = Annotated[
    float | None, typer.Option("--interrupt-at", help="Talk over the first reply, so many seconds into it.", min=0)
]
_Interrupt = Annotated[str, typer.Option("--interrupt", help="The words to interrupt with.")]
_Dtmf = Annotated[
    list[str] | None,
    typer.Option("--dtmf", help="Keys, DIGITS[@SECONDS]: at that time of the call, else in turn. Repeatable."),
]
_HangupAt = Annotated[
    float | None, typer.Option("--hangup-at", help="Hang up so many seconds after the answer.", min=0)
]
_Loss = Annotated[float, typer.Option("--loss", help="Percent of the caller's frames that are lost.", min=0, max=100)]
_Jitter = Annotated[float, typer.Option("--jitter", help="Milliseconds by which frames are late at most.", min=0)]
_Echo = Annotated[str, typer.Option("--echo", help="dB,ms: the agent comes back so much softer, so much later.")]
_Record = Annotated[Path | None, typer.Option("--record", help="Write both sides to a stereo WAV: left the caller.")]
_Calls = Annotated[int, typer.Option("--calls", help="Ring so many times at once.", min=1, max=500)]
_Person = Annotated[str, typer.Option("--person", help="What a dialled person does: answers, busy or no-answer.")]
_Public = Annotated[
    str, typer.Option("--public-url", help="The server's STELLA_PUBLIC_URL, if it is dialled by another address.")
]
_Timeout = Annotated[float, typer.Option("--timeout", help="Give up after so many seconds of call.", min=1)]
_Json = Annotated[bool, typer.Option("--json", help="Print the whole report as data.")]


def command(
    url: _Url = "http://localhost:3001",
    say: _Say = None,
    wav: _Wav = None,
    mic: _Mic = False,
    lang: _Lang = "en",
    from_: _From = "",
    to: _To = "",
    snr: _Snr = 30.0,
    interrupt_at: _InterruptAt = None,
    interrupt: _Interrupt = "",
    dtmf: _Dtmf = None,
    hangup_at: _HangupAt = None,
    loss: _Loss = 0.0,
    jitter: _Jitter = 0.0,
    echo: _Echo = "",
    record: _Record = None,
    calls: _Calls = 1,
    person: _Person = "answers",
    public_url: _Public = "",
    timeout: _Timeout = 600.0,
    as_json: _Json = False,
) -> None:
    """Ring a STELLA as Twilio would, and watch the call: what is said, when, and how fast the answers come.

    Exit code 0: the call went well; 1: it failed, and why; 2: an option is wrong.
    Example: stella call --say "What are your opening hours?" --say "Thank you, goodbye." --record call.wav
    """
    from stella.app.commands.call_plan import Wishes, plan
    from stella.app.commands.call_run import run

    wishes = Wishes(
        url=_checked_url(url),
        say=tuple(say or ()),
        wav=wav,
        mic=mic,
        lang=_one_of("--lang", lang.partition("-")[0].lower(), ("en", "de")),
        from_=from_,
        to=to,
        snr=None if snr >= 100 or mic else snr,
        interrupt_at=interrupt_at if interrupt_at is not None or not interrupt else 1.0,
        interrupt=interrupt,
        dtmf=tuple(_keys(item) for item in dtmf or ()),
        hangup_at=hangup_at,
        loss=loss / 100,
        jitter=jitter,
        echo=_echo(echo),
        record=record,
        calls=calls,
        person=_one_of("--person", person, ("answers", "busy", "no-answer")),
        public_url=public_url,
        timeout=timeout,
        as_json=as_json,
    )
    if mic and (calls > 1 or say or wav):
        raise typer.BadParameter("--mic is a call of your own: leave out --calls, --say and --wav")
    sys.exit(asyncio.run(run(plan(wishes))))


def _checked_url(url: str) -> str:
    whole = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(whole)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise typer.BadParameter(f"{url!r} is no address to ring; write http://localhost:3001 or https://host")
    return whole


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise typer.BadParameter(f"{option} is {' or '.join(allowed)}, not {value!r}")
    return value


def _keys(item: str) -> tuple[str, float | None]:
    digits, at, seconds = item.partition("@")
    if not digits or set(digits) - set("0123456789*#wWABCD"):
        raise typer.BadParameter(f"--dtmf {item!r}: keys are 0-9, *, # (and w, a pause), then perhaps @SECONDS")
    try:
        return digits, float(seconds) if at else None
    except ValueError:
        raise typer.BadParameter(f"--dtmf {item!r}: what stands after @ is a number of seconds") from None


def _echo(text: str) -> tuple[float, float] | None:
    if not text:
        return None
    try:
        decibels, _, delay = text.partition(",")
        echo = abs(float(decibels)), float(delay or 60)
    except ValueError:
        raise typer.BadParameter(f"--echo {text!r}: write dB,ms as in 20,80") from None
    if not 0 <= echo[1] <= 2000:
        raise typer.BadParameter("--echo: the delay is 0 to 2000 ms")
    return echo
