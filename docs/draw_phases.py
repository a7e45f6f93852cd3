"""Walks the real conversation core and draws its phases: `python docs/draw_phases.py > docs/why/phases.md`.

Every phase reachable by a short series of facts is found by trying every fact in every state met so far, breadth first.
What the page shows is what the code does; a test compares the two.
"""

from __future__ import annotations

from collections import deque

from stella.conversation import events as on
from stella.conversation.core import Conversation, Phase
from stella.conversation.policy import Policy
from stella.domain.acts import ChangeLanguage, EndCall, ExpectAnswer, TransferTo
from stella.domain.agent import Phrases
from stella.domain.call import EndedBy
from stella.domain.consent import Preset
from stella.domain.ids import Mark, SegmentId, TurnId, UtteranceId

DEPTH = 5
POLICY = Policy()
PHRASES = Phrases(
    *("disclosure", "greeting", "question", "unclear", "yes", "no"), ("there?",),
    *("no match", "moment", "apology", "warning", "farewell", "transferring", "failed", "handed", "switch", "resumed"),
)  # fmt: skip
FACTS: tuple[on.Event, ...] = (
    on.CallAnswered(),
    on.CallResumed("transfer-failed"),
    on.CallerStartedSpeaking(0.0),
    on.CallerStoppedSpeaking(0.0),
    on.UtteranceFinal(UtteranceId(0), "yes please do"),
    on.UtteranceFinal(UtteranceId(0), ""),
    on.DigitPressed("1"),
    on.ReplyGrew(TurnId(0), "Words."),
    on.ReplyActed(TurnId(0), EndCall()),
    on.ReplyActed(TurnId(0), TransferTo("Anna")),
    on.ReplyActed(TurnId(0), ChangeLanguage("en")),
    on.ReplyActed(TurnId(0), ExpectAnswer("yes-no")),
    on.ReplyEnded(TurnId(0)),
    on.ReplyFailed(TurnId(0)),
    on.SegmentVoiced(SegmentId(0), 1.0),
    on.SegmentFailed(SegmentId(0)),
    on.AudioSent(SegmentId(0), 1.0, 1.0, Mark("m")),
    on.MarkReturned(Mark("m")),
    on.LanguageChanged(PHRASES),
    on.ShutdownAsked(),
    on.TimePassed(),
    on.CallEnded(EndedBy.CALLER),
)
"""Every kind of fact; an id of 0 stands for the newest one in the state it is tried in."""


class Walker:
    """One state met on the walk: the facts that led there, the core, the time, and the newest ids it named."""

    def __init__(self, preset: Preset, path: tuple[tuple[on.Event, float], ...] = ()) -> None:
        """Walk a path anew (cheaper than copying where it led)."""
        self.preset, self.path = preset, path
        self.conversation = Conversation(POLICY, PHRASES, preset)
        self.now = 0.0
        self.ids = {"turn": 0, "segment": 0, "utterance": 0}
        for fact, now in path:
            self.now = now
            for action in self.conversation.handle(fact, now):
                for name in self.ids:
                    value = getattr(action, name, None)
                    if isinstance(value, int):
                        self.ids[name] = value

    def step(self, fact: on.Event) -> Walker:
        """The state behind one more fact. Time passes to the deadline, or by a second so that marks are due."""
        now = self.now
        if isinstance(fact, on.TimePassed):
            now = max(now, self.conversation.deadline() or now)
        elif isinstance(fact, on.MarkReturned):
            now += 1.0
        fields = {name: self._real(name, getattr(fact, name), now) for name in fact.__dataclass_fields__}
        return Walker(self.preset, (*self.path, (type(fact)(**fields), now)))

    def _real(self, name: str, value: object, now: float) -> object:
        """The newest id instead of 0, and the present instead of the beginning."""
        if name == "at":
            return now
        return self.ids.get(name, value) if value == 0 else value

    def signature(self) -> tuple[object, ...]:
        """What makes a state new to the walk."""
        floor = self.conversation._floor  # noqa: SLF001 (the walk looks inside on purpose)
        mine = floor.mine
        return (
            self.conversation.phase, floor.speaking, floor.gate.step, floor.gate.repeated, floor.silence.rung,
            floor.caller.text, floor.caller.awaited, floor.caller.lost, floor.caller.digits, floor.playout.paused,
            floor.playout.all_sent, floor.playout.heard_by() < 0.0, floor.talked_over, floor.interrupted,
            mine and (mine.kind, len(mine.segments), len(mine.outbox), mine.ended, mine.audible, mine.attempt),
        )  # fmt: skip


def walk(depth: int = DEPTH) -> dict[tuple[Phase, Phase], set[str]]:
    """Every change of phase that some short call shows, with the facts that cause it."""
    found: dict[tuple[Phase, Phase], set[str]] = {}
    for preset in (Preset.DISCLOSE, Preset.ASK_RECORDING):
        start = Walker(preset)
        seen = {start.signature()}
        queue = deque([(start, 0)])
        while queue:
            state, far = queue.popleft()
            for fact in FACTS:
                after = state.step(fact)
                change = (state.conversation.phase, after.conversation.phase)
                if change[0] is not change[1]:
                    found.setdefault(change, set()).add(type(fact).__name__)
                signature = after.signature()
                if signature not in seen and far < depth and after.now < 60.0:
                    seen.add(signature)
                    queue.append((after, far + 1))
    return found


def page(found: dict[tuple[Phase, Phase], set[str]]) -> str:
    """The page: a Mermaid diagram without the ways out everybody has, then the whole table."""
    order = list(Phase)
    changes = sorted(found, key=lambda change: (order.index(change[0]), order.index(change[1])))
    lines = [
        "# The phases of a conversation",
        "",
        "Made by `docs/draw_phases.py` from the running core; do not edit. A phase is a view for people: the core keeps",
        "no such variable, it follows from who has the floor. From every phase `CallEnded` leads to *over*,",
        "`ShutdownAsked` to *closing*; the diagram leaves those out, the table does not.",
        "[How a call takes turns](turn-taking.md) says why they are as they are.",
        "",
        "```mermaid",
        "stateDiagram-v2",
    ]
    for before, after in changes:
        causes = found[before, after] - {"CallEnded", "ShutdownAsked"}
        if causes:
            name = [each.value.replace("-", "_") for each in (before, after)]
            lines.append(f"    {name[0]} --> {name[1]}: {', '.join(sorted(causes))}")
    lines += ["```", "", "| from | to | by |", "|---|---|---|"]
    lines += [f"| {a.value} | {b.value} | {', '.join(sorted(found[a, b]))} |" for a, b in changes]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(walk()), end="")
