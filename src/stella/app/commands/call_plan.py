"""What `stella call` is to do: options, settings and voices made into a telephone and a script."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import typer

from stella.app.settings import Settings, load_settings
from stella.app.voices import caller_voice, recogniser
from stella.audio import wav
from stella.audio.mulaw import encode
from stella.audio.resample import resample
from stella.domain.errors import MalformedMessage
from stella.phone import Account, HangUp, Interrupt, LineFaults, Press, Speak, Step, Telephony, Wait
from stella.phone.facts import FILE, habits_of

_CUT_IN = {"en": "Sorry, what are your opening hours?", "de": "Entschuldigung, wann haben Sie geöffnet?"}
"""A question, so that one hears that the interruption was understood too."""

_CALLER = {"en": "+447700900123", "de": "+436601234567"}
"""The caller's country tells the server the language; the British number is one reserved for drama."""

_CALLED = "+4312345678"
_NO_ACCOUNT = "AC" + "0" * 32

Recogniser = Callable[[bytes], str]


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options, checked. `snr` None is a clean line, `loss` a share, `echo` decibels and milliseconds."""

    url: str
    say: tuple[str, ...]
    wav: Path | None
    mic: bool
    lang: str
    from_: str
    to: str
    snr: float | None
    interrupt_at: float | None
    interrupt: str
    dtmf: tuple[tuple[str, float | None], ...]
    hangup_at: float | None
    loss: float
    jitter: float
    echo: tuple[float, float] | None
    record: Path | None
    calls: int
    person: str
    public_url: str
    timeout: float
    as_json: bool


@dataclass(frozen=True, slots=True)
class CallPlan:
    """Ready to ring. `origin` is where the operator API would be; `operator_token` may be empty."""

    wishes: Wishes
    telephony: Telephony
    script: tuple[Step, ...]
    recognise: Recogniser | None
    origin: str
    operator_token: str


def plan(wishes: Wishes) -> CallPlan:
    """Put a call together. Raises typer.BadParameter for what cannot be done, ConfigError for a bad setting."""
    settings = load_settings(dotenv=Path(".env"))
    here = _is_loopback(wishes.url)
    token = settings.auth_tokens[0] if settings.auth_tokens else ""
    if not token and not here:
        raise typer.BadParameter(
            "a server that is not on this machine takes signed calls only: set TWILIO_AUTH_TOKEN to the auth token "
            "that the server has"
        )
    account = Account(
        token,
        settings.twilio_account_sid or _NO_ACCOUNT,
        wishes.from_ or _CALLER[wishes.lang],
        wishes.to or settings.twilio_number or _CALLED,
    )
    recognise = recogniser() if wishes.lang == "en" or wishes.wav else None
    echo_db, echo_ms = wishes.echo or (None, 60.0)
    telephony = Telephony(
        wishes.url,
        account,
        voice=caller_voice(),
        lang=wishes.lang,
        public_url=wishes.public_url or (settings.public_url if here else ""),
        faults=LineFaults(wishes.snr, wishes.loss, wishes.jitter, echo_db, echo_ms),
        habits=habits_of(settings.data_dir / FILE, person=wishes.person),
        timeout_s=wishes.timeout,
    )
    parts = urlsplit(wishes.url)
    return CallPlan(
        wishes,
        telephony,
        _script(wishes, recognise),
        recognise,
        f"{parts.scheme}://{parts.netloc}",
        _operator_token(settings),
    )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _operator_token(settings: Settings) -> str:
    token = settings.operator_token.get_secret_value()
    if token:
        return token
    try:
        return (settings.data_dir / "operator-token").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _script(wishes: Wishes, recognise: Recogniser | None) -> tuple[Step, ...]:
    """--say, --wav and keys in turn; the interruption falls into the reply to the first of them."""
    steps: list[Step] = [Speak(text) for text in wishes.say if text.strip()]
    if wishes.wav is not None:
        steps.append(_speak_file(wishes.wav, recognise))
    if wishes.interrupt_at is not None:
        steps.insert(min(1, len(steps)), Interrupt(wishes.interrupt or _CUT_IN[wishes.lang], wishes.interrupt_at))
    steps += [Press(digits, at) for digits, at in wishes.dtmf]
    if wishes.hangup_at is not None:
        steps.append(HangUp(at_s=wishes.hangup_at))
    if wishes.mic:
        steps.append(Wait(wishes.timeout))
    return tuple(steps)


def _speak_file(path: Path, recognise: Recogniser | None) -> Speak:
    try:
        with path.open("rb") as file:
            sound = wav.read(file)
    except FileNotFoundError:
        raise typer.BadParameter(f"--wav: there is no file {path}") from None
    except (OSError, MalformedMessage) as error:
        raise typer.BadParameter(f"--wav {path}: {error}") from None
    mono = sound.mono()
    mulaw = encode(mono if sound.rate == 8000 else resample(mono, sound.rate, 8000))
    return Speak(text=(recognise(mulaw) if recognise else "") or path.stem, mulaw=mulaw)
