"""Ears, brain and voice are killed in mid-sentence, one in each call: the caller hears a whole answer, and once.

How long the silence was is measured (`bench/failover.py`), not tested: it is the machine's, too.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from .killing import ASKED, KINDS, Killed, rigged, ring

pytestmark = [pytest.mark.speech, pytest.mark.slow, pytest.mark.timeout(300)]
AFTER = {"stt": "openai", "brain": "google:test", "tts": "cartesia"}


@pytest.fixture(scope="module")
def killed(models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Killed, str]]:
    """One call for each death, and what was to be answered."""

    async def all_die() -> dict[str, tuple[Killed, str]]:
        async with rigged(models, tmp_path_factory.mktemp("killed")) as rig:
            return {kind: (await ring(rig, kind), rig.reply) for kind in KINDS}

    return asyncio.run(all_die())


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_goes_on_in_the_middle(killed: dict[str, tuple[Killed, str]], kind: str) -> None:
    """And the record says who for whom; nothing else changed in that call."""
    call, _ = killed[kind]
    mid = [switch for switch in call.switches if switch["mid_reply"]]
    assert [(switch["kind"], switch["to"]) for switch in mid] == [(kind, AFTER[kind])]
    assert {switch["kind"] for switch in call.switches} == {kind}
    assert call.record["error"] is None
    assert call.report.ok, call.report.faults


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_is_lost_or_doubled_in_the_record(killed: dict[str, tuple[Killed, str]], kind: str) -> None:
    """Neither of the caller's nor of ours; and what was heard is all of it."""
    call, reply = killed[kind]
    assert call.words("caller") == ASKED
    assert call.words("agent") == reply
    assert call.words("agent", "heard_text") == reply


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_is_lost_or_doubled_in_the_ear(killed: dict[str, tuple[Killed, str]], kind: str) -> None:
    """The voices take 80 ms for a character: the caller heard as long an answer as it has characters, give or take a word."""
    call, reply = killed[kind]
    assert call.sounded_s == pytest.approx(0.08 * len(reply), abs=0.4)


def test_the_second_voice_begins_behind_the_last_word_of_the_first(killed: dict[str, tuple[Killed, str]]) -> None:
    """It is asked for the rest of the sentence, from a whole word on."""
    call, reply = killed["tts"]
    whole, rest = call.asked_first[0], call.asked_second[0]
    assert reply.startswith(whole)
    assert len(rest) < len(whole)
    assert whole.endswith(f" {rest}")
