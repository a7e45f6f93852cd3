"""What one fact costs the conversation core: `python bench/core_speed.py`, on an otherwise idle machine.

A recorded story is told to fresh conversations over and over; each `handle` is timed by itself, the garbage collector
off, and the cost of reading the clock taken away. Allocation is counted over facts from which nothing follows.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import defaultdict
from pathlib import Path

from stella.app.stories import Story, load
from stella.conversation import events as on
from stella.conversation.opening import Opening
from stella.conversation.policy import Policy
from stella.domain.consent import Preset
from stella.domain.ids import Mark, SegmentId
from stella.domain.phrases import PHRASES_EN

STORIES = Path(__file__).resolve().parents[1] / "tests" / "stories"
ROUNDS = 200


def clock_cost() -> int:
    """Nanoseconds between two looks at the clock."""
    return min(-time.perf_counter_ns() + time.perf_counter_ns() for _ in range(10_000))


def times(stories: list[Story], rounds: int) -> dict[str, list[int]]:
    """Nanoseconds of every `handle`, by kind of fact; the best of each fact over a few rounds would hide the p99."""
    cost = clock_cost()
    found: dict[str, list[int]] = defaultdict(list)
    look = time.perf_counter_ns
    for _ in range(rounds):
        for story in stories:
            conversation = story.opening.begin()
            for now, event, _ in story.steps:
                before = look()
                conversation.handle(event, now)
                found[type(event).__name__].append(max(0, look() - before - cost))
    return found


def quiet_least(stories: list[Story], rounds: int) -> dict[str, list[int]]:
    """The same, but of each fact the least of all rounds: what it costs when nobody else uses the processor."""
    cost = clock_cost()
    look = time.perf_counter_ns
    best: dict[tuple[int, int], int] = {}
    for _ in range(rounds):
        for number, story in enumerate(stories):
            conversation = story.opening.begin()
            for place, (now, event, _) in enumerate(story.steps):
                before = look()
                conversation.handle(event, now)
                took = max(0, look() - before - cost)
                key = (number, place)
                best[key] = min(took, best.get(key, took))
    found: dict[str, list[int]] = defaultdict(list)
    for (number, place), took in best.items():
        found[type(stories[number].steps[place][1]).__name__].append(took)
    return found


def held_by_sound(seconds: int = 60) -> int:
    """Blocks of memory that are held after a minute of a sentence's sound and its marks. Frames never reach the core."""
    opening = Opening(Policy(), PHRASES_EN, Preset.DISCLOSE)
    conversation = opening.begin()
    conversation.handle(on.CallAnswered(), 0.0)
    facts = [(on.AudioSent(SegmentId(1), 0.2, n / 5, Mark(f"1.{n}")), n / 5) for n in range(1, seconds * 5)]
    marks = [on.MarkReturned(Mark(f"1.{n}")) for n in range(1, seconds * 5)]
    before = 0
    for place, ((sent, now), mark) in enumerate(zip(facts, marks, strict=True)):
        if place == 5 * 5:
            before = sys.getallocatedblocks()
        conversation.handle(sent, now)
        conversation.handle(mark, now + 0.1999)
    return sys.getallocatedblocks() - before


def quantile(values: list[int], part: float) -> float:
    """Nearest rank, in microseconds."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] / 1000


def table(found: dict[str, list[int]]) -> None:
    """One line a kind, and one for all."""
    print(f"{'fact':24}{'times':>9}{'p50 µs':>9}{'p99 µs':>9}{'max µs':>9}")
    everything = [each for values in found.values() for each in values]
    for name, values in [*sorted(found.items()), ("all", everything)]:
        print(
            f"{name:24}{len(values):9}{quantile(values, 0.5):9.2f}{quantile(values, 0.99):9.2f}{max(values) / 1000:9.1f}"
        )


def main() -> None:
    """Print the tables."""
    stories = [load(path) for path in sorted(STORIES.glob("*.call"))]
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    times(stories, 5)
    gc.disable()
    print("Every handle of every round")
    table(times(stories, rounds))
    print("\nEvery fact at its best (no other load)")
    table(quiet_least(stories, rounds))
    print(f"\n{held_by_sound()} blocks of memory are held after 55 s of sound and its marks (275 of each)")


if __name__ == "__main__":
    main()
