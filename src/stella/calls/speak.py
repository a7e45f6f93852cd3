"""The voice of one call: text to sound to the wire, kept ahead by a clock and cut without delay.

Law 1: sound is sent by the playout clock (`ahead` seconds before it is due), never gated on acknowledgements.
Law 2: after `pause` nothing leaves until `resume` or `drop`; what was on the way is cleared at the carrier.
Law 3: every piece on the wire is followed by a mark, and the conversation is told of both.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from stella.audio.echo import LONGEST_DELAY_S, EchoGuard
from stella.audio.energy import quietest_frame_before
from stella.conversation import events as on
from stella.domain.ids import Mark, SegmentId
from stella.ports.failure import ProviderError
from stella.ports.line import Line
from stella.ports.speech import Switched, TextToSpeech
from stella.ports.spending import Spend, nobody_pays, paid_by

RATE = 8000
CHUNK = 1600
"""200 ms: few messages, and marks fine enough to prove what was heard."""
AHEAD_S, AHEAD_MOST_S, AHEAD_STEP_S = 0.6, 2.0, 0.4
BACKLOG_MOST = 65536
REMEMBER_S = 5.0
SILENCE_20_MS = b"\xff" * 160

_log = structlog.get_logger("stella.speak")


@dataclass(slots=True)
class Segment:
    """A sentence on its way. `at` counts the bytes on the wire; `ends_at` is when the last of them has sounded."""

    id: SegmentId
    text: str
    sound: bytearray = field(default_factory=bytearray)
    words: list[on.WordTime] = field(default_factory=list)
    done: bool = False
    at: int = 0
    ends_at: float = 0.0


class Speaker:
    """Voices segments in order on a line. Synchronous orders, one background task for text-to-speech, one timer."""

    def __init__(
        self,
        line: Line,
        tell: Callable[[on.Event], None],
        clock: Callable[[], float],
        voice: tuple[TextToSpeech, str, str],
        switched: Callable[[Switched], None] = lambda _switched: None,
        payer: Spend = nobody_pays,
    ) -> None:
        """`voice` is engine, language and the engine's name of a voice; `switched` hears of a change of engine, `payer` of
        what vendors are asked for.

        `tell` takes SegmentVoiced, SegmentFailed and AudioSent; `clock` is monotonic seconds.
        """
        self._line, self._tell, self._clock = line, tell, clock
        self._loop = asyncio.get_running_loop()
        self._segments: deque[Segment] = deque()
        self._todo: deque[Segment] = deque()
        self._maker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._voice, self._switched, self._payer = voice, switched, payer
        self._ahead = AHEAD_S
        self._ends_at = 0.0
        self._paused = False
        self._echo = EchoGuard()
        self._marks = 0
        self.underruns = 0
        self.first_audio_ms: deque[float] = deque(maxlen=500)

    def use(self, tts: TextToSpeech, language: str, voice: str) -> None:
        """Speak with this voice from the next segment on."""
        self._voice = (tts, language, voice)

    def say(self, segment: SegmentId, text: str) -> None:
        """Voice `text` after everything said before."""
        self._prune()
        piece = Segment(segment, text)
        self._segments.append(piece)
        self._todo.append(piece)
        if self._maker is None or self._maker.done():
            self._maker = self._loop.create_task(self._make(), name=f"voice-{segment}")

    def pause(self, fence: Mark) -> None:
        """Silence at the caller's ear as soon as the carrier reads `clear`; what was not heard is held back."""
        self._paused = True
        self._line.send_clear()
        self._line.send_mark(fence)
        self._ends_at = self._clock()
        self._echo.cleared(self._ends_at)
        self._stop_timer()

    def echo_in(self, inbound: bytes, at: float) -> float:
        """How far sound that came in until `at` is our own voice coming back, 0 to 1; 0 where none was sent lately."""
        return self._echo.likelihood(inbound, at) if at - self._ends_at < LONGEST_DELAY_S else 0.0

    def resume(self, segment: SegmentId, at: float, *, exact: bool) -> None:
        """Go on with `segment` from `at` seconds; if not `exact`, from the quietest frame at or before it."""
        found = False
        for piece in self._segments:
            if piece.id == segment:
                found = True
                start = at if exact else quietest_frame_before(bytes(piece.sound), at)
                piece.at = min(len(piece.sound), int(start * RATE))
            elif found:
                piece.at = 0
        self._paused = False
        self._pump()

    def drop(self) -> None:
        """Forget all that is held back or still being made."""
        self._segments.clear()
        self._todo.clear()
        if self._maker is not None and not self._maker.done():
            self._maker.cancel()
            self._maker = None
        self._paused = False
        self._ends_at = min(self._ends_at, self._clock())
        self._stop_timer()

    async def close(self) -> None:
        """Stop for good."""
        maker = self._maker
        self.drop()
        self._paused = True
        if maker is not None:
            await asyncio.gather(maker, return_exceptions=True)

    async def _make(self) -> None:
        while self._todo:
            piece = self._todo.popleft()
            try:
                with paid_by(self._payer):
                    await self._voice_one(piece)
            except ProviderError as failure:
                _log.warning("voice-failed", provider=failure.provider, code=failure.code)
                self._lose(piece)
            except Exception:  # noqa: BLE001 anything else an engine throws must cost a sentence, not the call
                _log.exception("voice-broke")
                self._lose(piece)

    async def _voice_one(self, piece: Segment) -> None:
        tts, language, voice = self._voice
        asked = self._clock()
        async with aclosing(tts.speak(piece.text, language, voice)) as pieces:  # type: ignore[type-var]
            async for sound in pieces:
                if not piece.sound:
                    self.first_audio_ms.append((self._clock() - asked) * 1000)
                if sound.switched is not None:
                    self._switched(sound.switched)
                piece.sound += sound.mulaw
                piece.words += [on.WordTime(word.chars, word.end) for word in sound.words]
                self._pump()
        piece.sound = piece.sound or bytearray(SILENCE_20_MS)
        piece.done = True
        self._tell(on.SegmentVoiced(piece.id, len(piece.sound) / RATE, tuple(piece.words)))
        self._pump()

    def _lose(self, piece: Segment) -> None:
        if not piece.sound and piece in self._segments:
            self._segments.remove(piece)
        piece.done = True
        if piece.sound:
            self._tell(on.SegmentVoiced(piece.id, len(piece.sound) / RATE, tuple(piece.words)))
        self._tell(on.SegmentFailed(piece.id))
        self._pump()

    def _pump(self) -> None:
        self._stop_timer()
        while not self._paused:
            piece = next((s for s in self._segments if s.at < len(s.sound) or not s.done), None)
            if piece is None:
                return
            now = self._clock()
            waiting = len(piece.sound) - piece.at
            if waiting == 0 or (waiting < CHUNK and not piece.done):
                self._notice_underrun(piece, now)
                return
            lead = self._ends_at - now
            if lead >= self._ahead or self._line.backlog > BACKLOG_MOST:
                self._timer = self._loop.call_later(max(0.02, lead - self._ahead + 0.002), self._pump)
                return
            self._send(piece, min(waiting, CHUNK), now)

    def _send(self, piece: Segment, size: int, now: float) -> None:
        sound = bytes(memoryview(piece.sound)[piece.at : piece.at + size])
        self._line.send_media(sound)
        piece.at += size
        seconds, begins_at = size / RATE, max(self._ends_at, now)
        self._echo.sent(sound, begins_at)
        self._ends_at = piece.ends_at = begins_at + seconds
        self._marks += 1
        mark = Mark(f"{piece.id}.{self._marks}")
        self._line.send_mark(mark)
        self._tell(on.AudioSent(piece.id, seconds, piece.at / RATE, mark))

    def _notice_underrun(self, piece: Segment, now: float) -> None:
        if piece.at and not piece.done and now > self._ends_at > 0:
            self.underruns += 1
            self._ahead = min(AHEAD_MOST_S, self._ahead + AHEAD_STEP_S)

    def _prune(self) -> None:
        """Sent sound is kept a little for a resume, and no longer."""
        now = self._clock()
        while self._segments:
            first = self._segments[0]
            if not first.done or first.at < len(first.sound) or now - first.ends_at < REMEMBER_S:
                return
            self._segments.popleft()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
