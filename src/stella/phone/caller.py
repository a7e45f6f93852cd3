"""The person with the receiver in hand: decides, frame by frame, what the script does next. Reads no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from stella.phone.script import HangUp, Interrupt, Press, Script, Speak, Step, Wait
from stella.phone.sound import Sound

FIRST_PATIENCE_S = 4.0
"""The same at the beginning of a stream: an agent that does not greet is spoken to."""

QUIET_S = 0.7
"""A person takes this much silence for the end of what the agent says."""

GENTLE_S = 2.5
"""Silence inside queued sound that even a patient person takes for the end (agents that stream silence)."""

PATIENCE_S = 8.0
"""How long the caller waits for an agent that says nothing before going on."""

TIME_LIMIT = "time limit"
"""Why a call is put down that nobody ends."""

FAREWELL_S = 1.0
"""From the end of the last reply to the caller's hanging up."""


@dataclass(frozen=True, slots=True)
class Ear:
    """What the caller can tell about the agent now. Times in call seconds, None where it never happened."""

    queued: bool = False
    last_media_s: float | None = None
    first_sound_s: float | None = None
    last_sound_s: float | None = None
    replies: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """Start speaking."""

    sound: Sound
    interrupts: bool = False


@dataclass(frozen=True, slots=True)
class PressKeys:
    """Press these keys now."""

    digits: str


@dataclass(frozen=True, slots=True)
class PutDown:
    """Hang up."""

    why: str
    abrupt: bool = False


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something the report should say: the agent was too slow, or had nothing to interrupt."""

    what: str


Order: TypeAlias = Say | PressKeys | PutDown | Noticed


@dataclass
class Caller:
    """Walks through a script. `sounds` holds the voice of each step that speaks, by the step's place in it.

    At `limit_s`, or once `wants_out()`, the call is over whatever the script says; what `keys()` gives is pressed at once.
    """

    script: Script
    sounds: dict[int, Sound]
    patience_s: float = PATIENCE_S
    quiet_s: float = QUIET_S
    limit_s: float = 600.0
    wants_out: Callable[[], bool] = bool
    keys: Callable[[], str] = str
    answered_s: float = 0.0
    _steps: deque[tuple[int, Step]] = field(default_factory=deque)
    _timed: list[tuple[int, Step]] = field(default_factory=list)
    _since: float = 0.0
    _not_before: float = 0.0
    _patience: float = PATIENCE_S
    _noted: bool = False
    done: bool = False

    def __post_init__(self) -> None:
        """Sort what waits its turn from what happens by the clock."""
        for index, step in enumerate(self.script):
            by_clock = isinstance(step, (Press, HangUp)) and step.at_s is not None
            by_turns = isinstance(step, HangUp) and step.after_turns is not None
            (self._timed if by_clock or by_turns else self._steps).append((index, step))

    def answered(self, now: float) -> None:
        """The call has been answered: the script's clock starts."""
        self.answered_s = self._since = now

    def leg_began(self, now: float) -> None:
        """A stream or a question has opened: whatever the agent said before counts no more."""
        self._since, self._noted = now, False
        self._patience = min(self.patience_s, FIRST_PATIENCE_S)

    def spoke(self, until: float) -> None:
        """The caller's own speech ends at `until`: the reply is awaited from then."""
        self._since, self._noted = max(self._since, until), False
        self._patience = self.patience_s

    @property
    def next_step(self) -> Step | None:
        """What waits its turn, or None when only hanging up is left."""
        return self._steps[0][1] if self._steps else None

    @property
    def waits_for_clock(self) -> bool:
        """Keys or a hang-up are still to come by the clock."""
        return bool(self._timed)

    def due_by_clock(self, now: float, replies: int = 0) -> list[Order]:
        """Keys and hang-ups that do not wait for a turn."""
        orders: list[Order] = []
        if not self.done and (now >= self.limit_s or self.wants_out()):
            self.done = True
            return [PutDown(TIME_LIMIT if now >= self.limit_s else "hung up by hand")]
        if not self.done and (keys := self.keys()):
            orders.append(PressKeys(keys))
        for item in tuple(self._timed):
            step = item[1]
            if isinstance(step, Press) and step.at_s is not None and now - self.answered_s >= step.at_s:
                orders.append(PressKeys(step.digits))
            elif isinstance(step, HangUp) and (
                (step.at_s is not None and now - self.answered_s >= step.at_s)
                or (step.after_turns is not None and replies >= step.after_turns)
            ):
                orders.append(PutDown("script", step.abrupt))
                self.done = True
            else:
                continue
            self._timed.remove(item)
        return orders

    def tick(self, now: float, ear: Ear, *, speaking: bool) -> list[Order]:
        """What to do in this frame. `speaking` while the caller's own last words still go out."""
        orders = self.due_by_clock(now, ear.replies)
        if self.done or speaking or now < self._not_before:
            return orders
        if not self._steps:
            if self._timed:
                return orders
            if self._quiet(now, ear, orders) and now >= self._last_stir(ear) + FAREWELL_S:
                orders.append(PutDown("end of script"))
                self.done = True
            return orders
        index, step = self._steps[0]
        if self._due(step, now, ear, orders):
            self._steps.popleft()
            orders += self._carry_out(index, step, now)
        return orders

    def take(self) -> tuple[Step | None, Sound | None]:
        """Take the next step out of turn: a question (`<Gather>`) asks for it."""
        if not self._steps:
            return None, None
        index, step = self._steps.popleft()
        return step, self.sounds.get(index)

    def _due(self, step: Step, now: float, ear: Ear, orders: list[Order]) -> bool:
        if isinstance(step, Speak) and step.wait_for != "quiet":
            return now >= self._since + step.wait_for
        if isinstance(step, Wait):
            return True
        if isinstance(step, Interrupt):
            if ear.first_sound_s is not None and ear.first_sound_s >= self._since:
                if now >= ear.first_sound_s + step.at_s:
                    return True
                if not ear.queued and now >= self._last_stir(ear) + self.quiet_s:
                    orders.append(Noticed("the agent had finished before it could be interrupted"))
                    return True
                return False
            return self._quiet(now, ear, orders)
        gap = step.gap_s if isinstance(step, Speak) else 0.2
        return self._quiet(now - gap, ear, orders)

    def _carry_out(self, index: int, step: Step, now: float) -> list[Order]:
        if isinstance(step, Wait):
            self._not_before = now + step.seconds
            return []
        if isinstance(step, Press):
            self._since, self._patience = now, self.patience_s
            return [PressKeys(step.digits)]
        if isinstance(step, HangUp):
            self.done = True
            return [PutDown("script", step.abrupt)]
        if isinstance(step, Interrupt) and step.keys:
            self._since, self._patience = now, self.patience_s
            return [PressKeys(step.keys)]
        sound = self.sounds[index]
        self.spoke(now + sound.offset_s)
        return [Say(sound, interrupts=isinstance(step, Interrupt))]

    def _last_stir(self, ear: Ear) -> float:
        return max(self._since, ear.last_sound_s or 0.0, ear.last_media_s or 0.0)

    def _quiet(self, now: float, ear: Ear, orders: list[Order]) -> bool:
        """The agent has answered since and stopped, or has said nothing for longer than anybody waits."""
        if now < self._since:
            return False
        if ear.last_sound_s is not None and ear.last_sound_s > self._since:
            silent = now - ear.last_sound_s
            return silent >= GENTLE_S or (
                not ear.queued and silent >= self.quiet_s and now - (ear.last_media_s or 0.0) >= self.quiet_s
            )
        if now < self._since + self._patience or ear.queued:
            return False
        if not self._noted:
            self._noted = True
            orders.append(Noticed(f"the agent said nothing for {self._patience:g} s"))
        return True
