"""Rings a STELLA as Twilio would, without Twilio."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp

from stella.phone.caller import PATIENCE_S, TIME_LIMIT, Caller
from stella.phone.clock import CallClock
from stella.phone.context import Call, CallOver, Habits, Loudspeaker, Meters, Microphone, Wire, completed_fields
from stella.phone.form import Account, CallForm
from stella.phone.line import Line, LineFaults
from stella.phone.obey import Next, obey
from stella.phone.reach import Reach
from stella.phone.report import CallReport, Observer
from stella.phone.script import Interrupt, Script, Speak, Voice
from stella.phone.sound import Sound, sound_of

BACKSTOP_S = 60.0
"""Real seconds beyond a call's limit after which it is cut without manners."""

__all__ = ["Account", "Telephony"]


class Telephony:
    """A telephone network with one number in it. One object may ring many times, also at once.

    `url` is the server to dial (its origin, or the voice webhook itself); `public_url` its STELLA_PUBLIC_URL where that
    differs. `voice` speaks for the caller, the carrier's `<Say>` and the dialled person.
    """

    def __init__(
        self,
        url: str,
        account: Account,
        *,
        voice: Voice | None = None,
        lang: str = "en",
        public_url: str = "",
        faults: LineFaults | None = None,
        habits: Habits | None = None,
        wire: Wire | None = None,
        pace: float = 1.0,
        timeout_s: float = 600.0,
        patience_s: float = PATIENCE_S,
        status_url: str = "",
        connector: aiohttp.BaseConnector | None = None,
    ) -> None:
        """`pace` is real seconds per call second; `timeout_s` (call seconds) ends a call that nobody ends."""
        self.reach = Reach(url, public_url)
        self.account, self.voice, self.lang = account, voice, lang
        self.faults, self.habits, self.wire = faults or LineFaults(), habits or Habits(), wire or Wire()
        self.pace, self.timeout_s, self.patience_s = pace, timeout_s, patience_s
        self.status_url = status_url or self.reach.status_url
        self._connector = connector
        self._voices: dict[tuple[str, str], Sound] = {}

    async def ring(
        self,
        script: Script,
        *,
        observer: Observer | None = None,
        call_sid: str = "",
        extra: Mapping[str, str] | None = None,
        meters: Meters | None = None,
        microphone: Microphone | None = None,
        loudspeaker: Loudspeaker | None = None,
    ) -> CallReport:
        """Make one call and report it. What the server does wrong is in the report and never raised.

        `observer` sees everything as it happens, `meters` is kept up to date every frame, a `microphone` is heard
        whenever the script is silent. Raises ValueError for a script that cannot be spoken.
        """
        meters = meters or Meters()
        sounds = await self._rehearse(script)
        form = CallForm(self.account, extra=dict(extra or {}))
        if call_sid:
            form.call_sid = call_sid
        report = CallReport(form.call_sid, self.account.from_, self.account.to)
        loud = [sound.rms for sound in sounds.values() if sound.rms]
        async with (
            aiohttp.ClientSession(
                connector=self._connector,
                connector_owner=self._connector is None,
                cookie_jar=aiohttp.CookieJar(unsafe=True),
                skip_auto_headers={"Accept"},
            ) as session,
            asyncio.TaskGroup() as tasks,
        ):
            call = Call(
                account=self.account,
                reach=self.reach,
                habits=self.habits,
                form=form,
                clock=CallClock(self.pace),
                caller=Caller(
                    script,
                    sounds,
                    self.patience_s,
                    limit_s=self.timeout_s,
                    wants_out=lambda: meters.hang_up,
                    keys=meters.take_keys,
                ),
                line=Line(self.faults, sum(loud) / len(loud) if loud else 0.0),
                session=session,
                report=report,
                tasks=tasks,
                wire=self.wire,
                voice=self.voice,
                language=self.lang,
                observer=observer,
                meters=meters,
                microphone=microphone,
                loudspeaker=loudspeaker,
                voices=self._voices,
            )
            await self._live(call)
        return report

    async def _live(self, call: Call) -> None:
        report = call.report
        try:
            # The caller hangs up at the limit; this is for what even that does not end.
            async with asyncio.timeout(self.timeout_s * self.pace + BACKSTOP_S):
                await obey(call, Next("voice", self.reach.voice_url))
            report.ended_by, report.status = "agent", "completed"
        except CallOver as over:
            report.ended_by, report.status = over.ended_by, over.status
            if str(over) == TIME_LIMIT:
                report.ended_by = "timeout"
        except TimeoutError:
            report.ended_by, report.status = "timeout", "completed"
        if report.ended_by == "timeout":
            call.note("timeout", f"nobody ended the call within {self.timeout_s:g} s")
        call.hearing.close_spurt()
        report.ended_s = call.clock.now()
        if self.habits.status_callback:
            call.form.status = report.status
            await call.ask("status", self.status_url, **completed_fields(report.answered_s, report.ended_s))

    async def _rehearse(self, script: Script) -> dict[int, Sound]:
        """Voice every line before the call, so that speaking costs nothing in it."""
        sounds: dict[int, Sound] = {}
        for index, step in enumerate(script):
            if not isinstance(step, Speak | Interrupt) or (isinstance(step, Interrupt) and step.keys):
                continue
            mulaw = step.mulaw
            if not mulaw:
                if self.voice is None:
                    raise ValueError(f"step {index + 1} has only text to speak, and there is no voice")
                mulaw = await asyncio.to_thread(self.voice, step.text, self.lang)
            sounds[index] = sound_of(step.text, mulaw)
        return sounds
