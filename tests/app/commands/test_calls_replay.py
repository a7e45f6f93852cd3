"""`stella calls replay` and `export --story`: a recorded call is played again, tried otherwise, and told on."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stella.adapters.sql import open_store
from stella.app.commands.calls import calls
from stella.app.stories import Story, load
from stella.calls.recorder import pack
from stella.conversation.tape import split, write
from stella.domain.errors import ConfigError, StellaError
from stella.ports.tapes import LegTape

STORY = Path(__file__).resolve().parents[2] / "stories" / "question.call"


def tape(story: Story, leg: int, *, words: bool = True, **head: object) -> LegTape:
    """A stored recording of a story."""
    bare, personal = split(write(story.steps))
    return LegTape(
        "CA1", leg, {**story.head, **head}, pack(bare), pack(personal) if words else None, len(story.steps), 2
    )


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one recorded call of two legs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STELLA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STELLA_DATABASE_URL", raising=False)

    async def fill() -> None:
        store = await open_store(f"sqlite:///{tmp_path}/data/stella.db", tmp_path / "data")
        await store.keep_tape(tape(load(STORY), 1))
        await store.keep_tape(tape(load(STORY), 2))
        await store.close()

    asyncio.run(fill())
    return tmp_path


def run(*words: str) -> tuple[int, str]:
    """Exit code and everything printed."""
    found = CliRunner().invoke(calls, list(words))
    if isinstance(found.exception, StellaError):
        return 1, str(found.exception)
    return found.exit_code, found.output


def test_a_call_that_goes_as_it_went_exits_with_zero(data: Path) -> None:
    """Both legs, with what was not recorded mentioned."""
    code, text = run("replay", "CA1")
    assert code == 0, text
    assert text.count("the same orders at the same times") == 2
    assert "2 more not recorded" in text


def test_another_number_shows_where_the_call_would_go_otherwise(data: Path) -> None:
    """What a change of the policy does to a real call is seen before a caller meets it."""
    code, text = run("replay", "CA1", "--leg", "1", "--policy", "endpointing_min=2", "--policy", "endpointing_max=3")
    assert code == 1
    assert "AskBrain" in text
    assert "later" in text or ("- " in text and "+ " in text)


def test_data_for_scripts(data: Path) -> None:
    """Every difference with both times."""
    code, text = run("replay", "CA1", "--leg", "2", "--policy", "silence=1", "--json")
    (told,) = json.loads(text)
    assert code == 1
    assert told["equal"] is False
    assert told["differences"][0]["after"]["order"]


def test_an_agent_file_is_tried(data: Path) -> None:
    """The numbers of the file count, not those of then."""
    agent = data / "agent.toml"
    agent.write_text(
        'name = "x"\ncompany = "X"\n[[languages]]\ncode = "en"\nlocale = "en-GB"\n[policy]\nsilence = 1.0\n'
    )
    code, text = run("replay", "CA1", "--leg", "1", "--agent", str(agent))
    assert code == 1, text
    assert "Say" in text


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("replay", "CA9"), "no recording"),
        (("replay", "CA1", "--leg", "7"), "recorded are 1, 2"),
        (("replay", "CA1", "--policy", "silence"), "name=number"),
        (("replay", "CA1", "--policy", "silense=9"), "did you mean silence"),
        (("export", "--story", "CA1"), "needs both"),
        (("replay", "gone.call"), "No such file"),
    ],
)
def test_what_cannot_be_done_is_said(data: Path, words: tuple[str, ...], cause: str) -> None:
    """One line with the mend."""
    code, text = run(*words)
    assert code in (1, 2)
    assert cause in text


def test_a_call_is_told_as_a_story(data: Path) -> None:
    """The file can be replayed anywhere, and taken over when a change is meant."""
    out = data / "told.call"
    code, text = run("export", "--story", "CA1", str(out))
    assert code == 0, text
    assert run("replay", str(out))[0] == 0
    changed = json.loads(out.read_text())
    changed["head"]["policy"]["endpointing_min"] = changed["head"]["policy"]["endpointing_max"] = 1.5
    out.write_text(json.dumps(changed))
    assert run("replay", str(out))[0] == 1
    assert run("replay", str(out), "--accept")[0] == 0
    assert run("replay", str(out))[0] == 0


def test_without_words_or_of_another_version_nothing_is_played(data: Path) -> None:
    """A skeleton has no call in it, and an older tape another meaning."""
    from stella.app import stories

    with pytest.raises(ConfigError, match="did not agree"):
        stories.of_tape(tape(load(STORY), 1, words=False))
    with pytest.raises(ConfigError, match="another version"):
        stories.of_tape(tape(load(STORY), 1, version=1))


def test_a_story_that_cannot_be_written_says_where(data: Path) -> None:
    """A full disk or a wrong folder costs no stack trace."""
    shutil.copy(STORY, data / "x.call")
    code, text = run("export", "--story", "CA1", str(data / "no" / "x.call"))
    assert code == 1
    assert "cannot be written" in text
