"""Real calls, rung over the wire with real speech, are told to today's core: it orders exactly what it ordered then.

Where a change of the core is meant to change them, `stella calls replay tests/stories/X.call` shows how, and `--accept`
takes it over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stella.app.stories import Story, load, save, without_names
from stella.conversation import actions as do
from stella.conversation.tape import ordered, replay
from stella.domain.consent import Preset
from stella.domain.errors import ConfigError

FOLDER = Path(__file__).parent
STORIES = sorted(FOLDER.glob("*.call"))


def orders(story: Story, kind: type) -> list[do.Action]:
    """All orders of a kind."""
    return [order for _, order in ordered(story.steps) if isinstance(order, kind)]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_recorded_call_goes_as_it_went(path: Path) -> None:
    """The same facts at the same times give the same orders at the same times, to the last bit."""
    story = load(path)
    assert ordered(replay(story.steps, story.opening.begin)) == ordered(story.steps), f"stella calls replay {path}"
    assert story.again() == []


SHOWS: dict[str, Callable[[Story], object]] = {
    "question": lambda story: orders(story, do.AskBrain) and not orders(story, do.PausePlayout),
    "interruption": lambda story: orders(story, do.PausePlayout) and any(
        order.turn.interrupted for order in orders(story, do.CommitTurn) if isinstance(order, do.CommitTurn)
    ),
    "cough": lambda story: orders(story, do.ResumePlayout),
    "backchannel": lambda story: orders(story, do.ResumePlayout),
    "farewell": lambda story: orders(story, do.HangUp),
    "digits": lambda story: orders(story, do.RecordDigit),
    "consent": lambda story: orders(story, do.RecordConsent) and story.opening.preset is Preset.ASK_EVERYTHING,
    "transfer": lambda story: orders(story, do.Transfer),
    "transfer-failed": lambda story: type(story.steps[0][1]).__name__ == "CallResumed",
    "silence": lambda story: len(orders(story, do.Say)) > 1 and not orders(story, do.AskBrain),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(SHOWS))
def test_a_story_shows_what_its_name_says(name: str) -> None:
    """A recording in which nothing of the kind happens would prove nothing."""
    assert SHOWS[name](load(FOLDER / f"{name}.call"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_names_nobody(path: Path) -> None:
    """Told once more, nothing more is taken out."""
    story = load(path)
    assert without_names(story).steps == story.steps


def test_a_story_is_written_as_it_is_read(tmp_path: Path) -> None:
    """A file that is replaced by itself is the same file."""
    save(load(STORIES[0]), tmp_path / "again.call")
    assert (tmp_path / "again.call").read_text() == STORIES[0].read_text()


@pytest.mark.parametrize("text", ["", "{}", '{"head": {"version": 1}, "rows": []}', '{"head": 3, "rows": 3}'])
def test_a_file_that_is_no_story_says_so(tmp_path: Path, text: str) -> None:
    """One way to fail, with the file's name in it."""
    path = tmp_path / "x.call"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"x\.call"):
        load(path)
    with pytest.raises(ConfigError, match=r"gone\.call"):
        load(tmp_path / "gone.call")
