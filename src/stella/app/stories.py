"""Recordings as commands use them: found in the database or in a story file, played again, told on without names.

A story (`*.call`) is JSON, a row of the tape on each line, so that a change of it can be read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stella.calls.recorder import unpack
from stella.conversation.opening import Opening, from_plain
from stella.conversation.stand_ins import anonymous, anonymous_phrases, vocabulary
from stella.conversation.tape import VERSION, Difference, Step, differences, join, ordered, read, replay, write
from stella.conversation.tape_fields import Row
from stella.domain.errors import ConfigError, MalformedMessage, StellaError
from stella.domain.phrases import MACHINE, PHRASES_DE, PHRASES_EN
from stella.ports.tapes import LegTape

STORY_MOST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Story:
    """One recorded leg: its versions, how it began, and its steps."""

    head: dict[str, Any]
    opening: Opening
    steps: Sequence[Step]
    dropped: int = 0

    def again(self, opening: Opening | None = None) -> list[Difference]:
        """Where today's orders differ, under the policy of then, or another beginning.

        Another beginning, or another build, has deadlines the recording knows nothing of: they are kept, too.
        """
        was = ordered(self.steps)
        found = differences(was, ordered(replay(self.steps, (opening or self.opening).begin)))
        if not found and opening is None:
            return []
        return differences(was, ordered(replay(self.steps, (opening or self.opening).begin, punctual=True)))


def of_tape(tape: LegTape) -> Story:
    """The story of a stored recording. Raises StellaError where its words were not kept, MalformedMessage where damaged."""
    if tape.head.get("version") != VERSION:
        raise ConfigError(f"leg {tape.leg} was recorded by another version of STELLA ({tape.head.get('build', '?')})")
    if tape.words is None:
        raise ConfigError(
            f"the words of leg {tape.leg} were not kept (the caller did not agree to it), and without them nothing can be"
            " played again; its times and kinds are shown by --json"
        )
    return Story(tape.head, from_plain(tape.head), read(join(unpack(tape.skeleton), unpack(tape.words))), tape.dropped)


def without_names(story: Story) -> Story:
    """The same story with stand-ins for names, numbers and matters. Raises StellaError where it would go otherwise."""
    own = [MACHINE["de"], MACHINE["en"]]
    for phrases in (PHRASES_DE, PHRASES_EN):
        for each in phrases.__dataclass_fields__:
            said = getattr(phrases, each)
            own += [said] if isinstance(said, str) else said
    also = vocabulary(own)
    head = {"version": VERSION, "build": story.head.get("build", ""), **story.opening.plain()}
    head["phrases"] = anonymous_phrases(head["phrases"], also)
    fresh = Story(head, from_plain(head), read(anonymous(write(story.steps), also)), story.dropped)
    found = fresh.again()
    if found:
        raise StellaError(
            f"with stand-ins for its words this call goes otherwise ({len(found)} orders differ, first at"
            f" {found[0].at:.1f} s): it cannot be told without them"
        )
    return fresh


def save(story: Story, path: Path) -> None:
    """Write a story file, whole or not at all."""
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in write(story.steps))
    text = f'{{"head": {json.dumps(story.head, ensure_ascii=False, indent=1)},\n"rows": [\n{lines}\n]}}\n'
    fresh = path.with_name(f"{path.name}.part")
    try:
        fresh.write_text(text, "utf-8")
        fresh.replace(path)
    except OSError as failed:
        raise ConfigError(f"{path} cannot be written: {failed.strerror}") from None


def load(path: Path) -> Story:
    """Read a story file. Raises ConfigError with the reason."""
    try:
        if path.stat().st_size > STORY_MOST:
            raise ConfigError(f"{path} is no story: it is longer than {STORY_MOST >> 20} MB")
        data = json.loads(path.read_text("utf-8"))
        head, rows = data["head"], data["rows"]
        if head["version"] != VERSION:
            raise ConfigError(f"{path} is a story of version {head['version']}; this STELLA tells version {VERSION}")
        return Story(head, from_plain(head), read(rows))
    except OSError as failed:
        raise ConfigError(f"{path}: {failed.strerror}") from None
    except (ValueError, KeyError, TypeError, MalformedMessage) as failed:
        raise ConfigError(f"{path} is no story: {failed}") from None


def skeleton(tape: LegTape) -> list[Row]:
    """Who did what, and when, without a word."""
    return unpack(tape.skeleton)


def with_agent(opening: Opening, policy: dict[str, float], limits: dict[str, float]) -> Opening:
    """A beginning with an agent file's numbers on top of the defaults."""
    return replace(opening, policy=type(opening.policy)().with_overrides({**limits, **policy}))
