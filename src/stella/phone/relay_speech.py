"""What ConversationRelay is saying: tokens in, sentence by sentence made into sound, and words counted as they sound.

Spec: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages (text tokens, interruptible, preemptible)
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from stella.phone.clock import FRAME_S
from stella.phone.context import Call
from stella.phone.sound import SAMPLE_RATE
from stella.wire.relay_carrier import SayText

START_S = 0.15
"""What a voice takes before its first sound."""

_FRAME = round(FRAME_S * SAMPLE_RATE)
_ENDS = (".", "!", "?", ":", ";", "…")


@dataclass(slots=True)
class _Piece:
    text: str
    cycle: int
    interruptible: bool
    preemptible: bool
    language: str
    mulaw: bytes | None = None
    at: int = 0
    told: int = 0

    @property
    def words(self) -> int:
        """How many characters have sounded, to the end of a word."""
        if self.mulaw is None:
            return 0
        if self.at >= len(self.mulaw):
            return len(self.text)
        return self.text.rfind(" ", 0, round(len(self.text) * self.at / len(self.mulaw)) + 1) + 1


class RelaySpeech:
    """The voice of one session. A talk cycle is what is said up to a token that is `last`."""

    def __init__(self, call: Call, language: str) -> None:
        """Silent, in this language."""
        self._call, self.language = call, language
        self._queue: deque[_Piece] = deque()
        self._said: list[str] = []
        self._pending: SayText | None = None
        self._cycle = self._saying = 0
        self._began: float | None = None
        self._may_begin = 0.0
        self._maker: asyncio.Task[None] | None = None

    @property
    def speaking(self) -> bool:
        """Whether something is sounding, or about to."""
        return bool(self._queue)

    @property
    def interruptible(self) -> bool:
        """Whether a voice or a key may stop what is sounding."""
        return bool(self._queue) and self._queue[0].interruptible

    @property
    def making(self) -> bool:
        """Whether what is next is still without sound."""
        return bool(self._queue) and self._queue[0].mulaw is None

    @property
    def left_s(self) -> float:
        """Seconds that are queued, as far as they have sound."""
        return sum(len(piece.mulaw) - piece.at for piece in self._queue if piece.mulaw is not None) / SAMPLE_RATE

    def say(self, token: SayText) -> None:
        """More words. Those of a later cycle cut into an earlier one whose words yield to them."""
        if self._pending is None and self._queue and self._queue[0].cycle < self._cycle and self._queue[0].preemptible:
            self.cut()
        before = self._pending.token if self._pending is not None else ""
        text = before + token.token
        if not token.last and not text.rstrip().endswith(_ENDS):
            self._pending = SayText(text, False, token.interruptible, token.preemptible, token.language)
            return
        self._pending = None
        if text.strip():
            language = token.language or self.language
            self._queue.append(_Piece(text, self._cycle, token.interruptible, token.preemptible, language))
            if len(self._queue) == 1:
                self._may_begin = self._call.clock.now() + START_S
            if self._maker is None or self._maker.done():
                self._maker = self._call.tasks.create_task(self._make())
        self._cycle += token.last

    async def _make(self) -> None:
        while piece := next((each for each in self._queue if each.mulaw is None), None):
            piece.mulaw = (await self._call.voiced(piece.text.strip(), piece.language)).mulaw

    def frame(self, now: float) -> tuple[bytes, str]:
        """The 20 ms that sound now (perhaps none), and the words that have sounded since they were last told."""
        if self.making or not self._queue or now < self._may_begin:
            return b"", ""
        piece = self._queue[0]
        assert piece.mulaw is not None  # noqa: S101 it would be `making` otherwise
        if self._began is None or piece.cycle != self._saying:
            self._began, self._saying, self._said = now, piece.cycle, []
        start = piece.at
        sound = piece.mulaw[start : start + _FRAME]
        self._call.hearing.heard(now, sound, "relay", piece.text.strip() if start == 0 else "")
        piece.at += len(sound)
        whole = piece.at >= len(piece.mulaw)
        words = piece.text[piece.told : piece.words]
        if not whole and len(words) < 12:
            return sound, ""
        piece.told = piece.words
        if whole:
            self._queue.popleft()
            self._said.append(piece.text)
        return sound, words.strip()

    def cut(self) -> tuple[str, int]:
        """Silence, at once: the words of this cycle that have sounded, and for how many milliseconds."""
        piece = self._queue[0] if self._queue else None
        begun = piece is not None and piece.at and piece.cycle == self._saying
        heard = "".join(self._said) + (piece.text[: piece.words] if piece is not None and begun else "")
        after = 0 if self._began is None else round((self._call.clock.now() - self._began) * 1000)
        self._queue.clear()
        self._pending, self._began, self._said = None, None, []
        return heard.strip(), after

    def close(self) -> None:
        """Nothing more is said."""
        self._queue.clear()
