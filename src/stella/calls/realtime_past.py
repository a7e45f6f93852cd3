"""What a model that hears and speaks believes was said, kept in step with what was."""

from __future__ import annotations

from collections.abc import Sequence

from stella.calls import instructions
from stella.calls.spoken_reply import SpokenReply
from stella.domain.ids import UtteranceId
from stella.domain.transcript import Turn
from stella.ports.brain import Asked
from stella.ports.language import FromAgent, FromCaller, Message
from stella.ports.realtime import RealtimeLine

_OPENING = ("[The call begins.]", "the greeting")


class Past:
    """One line's."""

    def __init__(self, briefed: str = "") -> None:
        """It was told nothing but, with its briefing, that `briefed` was said first."""
        self._briefed = briefed
        self.utterances: dict[UtteranceId, str] = {}
        """What it heard since its last answer, with the words as far as they are known."""
        self._known = 0
        self._asked = ""
        self._reply: SpokenReply | None = None
        self._fresh = True

    def catch_up(
        self, line: RealtimeLine, asked: Asked, context: Sequence[Turn], reply: SpokenReply
    ) -> tuple[list[Message], bool]:
        """Make the line's past that of the transcript, before it makes `reply`. Returns what has to be told, and whether
        the line heard the caller's turn itself: all of it, and nothing else."""
        if self._fresh:
            before = instructions.alternating(instructions.past(context, asked)) if context else []
            before = before if any(isinstance(message, FromAgent) for message in before) else []
            if len(before) == len(_OPENING) and before[-1] == FromAgent(self._briefed):
                before = []
        else:
            before = self._since(line, asked, context[self._known :])
        self._fresh, self._known, self._asked, self._reply = False, len(context), asked.text.strip(), reply
        return before, self._heard(line, asked.text)

    def _since(self, line: RealtimeLine, asked: Asked, turns: Sequence[Turn]) -> list[Message]:
        """Turns that were spoken without the model; its own is cut at what was heard of it."""
        told: list[Message] = []
        reply = self._reply
        for turn in turns:
            if turn.speaker == "caller":
                if turn.text.strip() and turn.text.strip() not in (asked.text.strip(), self._asked):
                    told.append(FromCaller(turn.text.strip()))
            elif reply is not None and reply.pieces and reply.pieces[0].text in turn.text:
                heard_s = reply.heard_s(turn.heard_text)
                if heard_s is not None:
                    line.truncate(heard_s, turn.heard_text)
                reply = None
            elif turn.heard_text.strip():
                told.append(FromAgent(turn.heard_text.strip()))
        if reply is not None:
            # Not a word of it reached the transcript: it was stopped before it sounded.
            line.truncate(0.0)
        return told

    def _heard(self, line: RealtimeLine, text: str) -> bool:
        heard, self.utterances = self.utterances, {}
        wanted = _plain(text)
        kept = {utterance: _plain(words) for utterance, words in heard.items()}
        kept = {utterance: words for utterance, words in kept.items() if words and words in wanted}
        if not wanted or "".join(kept.values()) != wanted:
            kept = {}
        for utterance in heard:
            if utterance not in kept:
                line.drop(utterance)
        return bool(kept)


def _plain(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())
