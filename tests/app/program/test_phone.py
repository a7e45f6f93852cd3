"""The telephone for tests tells what a caller would hear, and why where it hears nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella import Stella, Talk, tool
from stella.app.testing import phone as phone_module
from stella.app.testing.letters import Letters, encode
from stella.app.testing.phone import Phone

pytestmark = pytest.mark.timeout(120)


@tool()
def order(dish: str) -> str:
    """Orders a dish."""
    return f"{dish} is ordered"


async def waiter(talk: Talk) -> AsyncIterator[str]:
    """A brain with every trick."""
    if "story" in talk.text:
        yield (
            "Once upon a time, "
            + "there was a hotel with a great many rooms and many guests, " * 6
            + "and that was it."
        )
    elif "order" in talk.text:
        yield await talk.use("order", dish="Grießnockerlsuppe")
    elif talk.digits:
        yield f"You pressed {talk.digits}."
    elif "break" in talk.text:
        raise RuntimeError("as asked")
    elif "heard" in talk.text:
        ours = [turn for turn in talk.heard if turn.speaker == "agent"]
        yield f"You heard: {ours[-1].heard_text} So much."
    else:
        yield "Yes, please?"


def program() -> Stella:
    """A waiter."""
    return Stella("Café", brain=waiter, tools=[order], languages=["en"], greeting="Café, good day.")


async def test_tools_keys_and_words_reach_the_record(phone: Phone) -> None:
    """Umlauts too, and what a tool did."""
    call = await phone.ring(program())
    assert (await call.hears()).endswith("Café, good day.")
    await call.say("I would like to order")
    assert "Grießnockerlsuppe is ordered" in await call.hears()
    await call.press("42")
    assert await call.hears() == "You pressed 42."
    record = await call.hang_up()
    assert [tool["name"] for tool in record["tools"]] == ["order"]
    assert [key["digit"] for key in record["dtmf"]] == ["4", "2"]
    assert call.report.ok, call.report.faults


async def test_an_interruption_is_heard_to_the_letter(phone: Phone) -> None:
    """What the caller heard before it, the record and the next answer know alike."""
    call = await phone.ring(program())
    await call.say("Tell me a story")
    async with asyncio.timeout(30):
        while call.heard.count("hotel") < 2:  # what is proven comes 200 ms behind what is heard
            await asyncio.sleep(0.01)
    call.interrupt("no wait, what have I heard")
    told = await call.hears()
    assert "and that was it" not in told
    record = await call.hang_up()
    story = next(turn for turn in record["turns"] if turn["text"].startswith("Once"))
    assert story["interrupted"] and story["heard_text"] and story["heard_text"] in story["text"]
    assert "hotel" in story["heard_text"] and "that was it" not in story["heard_text"]
    assert "You heard: Once upon a time" in told


async def test_a_brain_that_breaks_is_followed_by_the_receptionist(phone: Phone) -> None:
    """As in life: words, and the reason in the record."""
    call = await phone.ring(program())
    await call.say("Please break")
    assert await call.hears()
    record = await call.hang_up()
    switch = next(tool for tool in record["tools"] if tool["name"] == "engine_switch")
    assert (switch["arguments"]["from"], switch["arguments"]["to"]) == ("own", "receptionist")


async def test_it_says_why_there_is_nothing_to_hear(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that fails must tell more than that it failed."""
    call = await phone.ring(program())
    await call.hears()
    monkeypatch.setattr(phone_module, "PATIENCE_S", 0.5)
    with pytest.raises(AssertionError, match="the agent said nothing within"):
        await call.hears()
    with pytest.raises(AssertionError, match="did not end the call"):
        await call.ends()
    await call.hang_up()
    with pytest.raises(AssertionError, match=r"the call is over.*ended by caller"):
        await call.say("Hello?")
    assert await call.hears() == ""


async def test_two_calls_at_once_are_two_calls(phone: Phone) -> None:
    """Letters of one line never get into another."""
    stella = program()
    one, two = await phone.ring(stella), await phone.ring(stella, caller="+436607654321")
    await asyncio.gather(one.say("order one"), two.say("hello"))
    assert "ordered" in await one.hears()
    assert "Yes, please?" in await two.hears()
    assert (await two.hang_up())["from"] == "+436607654321"


@pytest.mark.speech
@pytest.mark.slow
@pytest.mark.flite
async def test_real_sound_is_rung_where_it_is_wished(
    phone: Phone, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the agent's own ears and voice; the words are those of a recogniser."""
    monkeypatch.setenv("STELLA_MODELS_DIR", str(models))
    call = await phone.ring(program(), sound=True)
    assert "good day" in (await call.hears()).lower()
    await call.say("I would like to order, please.")
    await call.hears()
    record = await call.hang_up()
    assert [tool["name"] for tool in record["tools"]] == ["order"]


@given(st.text(max_size=60), st.integers(1, 333))
def test_letters_are_read_whatever_the_pieces(text: str, size: int) -> None:
    """Frames, chunks and playout cut the sound anywhere."""
    text = text.encode("utf-8", "ignore").decode()
    sound, letters, read = b"\xff" * 77 + encode(text) + b"\xff" * 50, Letters(), ""
    for start in range(0, len(sound), size):
        letters.feed(sound[start : start + size])
        read += letters.take()
    assert read == text


def test_what_was_cut_off_is_not_read() -> None:
    """A caller hears what was played, and nothing else."""
    letters = Letters()
    letters.feed(encode("Grüße")[:-130] + b"\xff" * 400 + encode("!"))
    assert letters.take() == "Grü!"
