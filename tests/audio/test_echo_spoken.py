"""The echo guard on real voices over a real line: flite and espeak-ng, mu-law there and back, white noise."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from stella.app.voices import caller_voice
from stella.audio.echo import LISTENED_S, EchoGuard
from stella.audio.mulaw import decode_float, encode_float
from stella.audio.noise import factor, white
from stella.conversation.policy import Policy
from stella.ports.failure import Unavailable

pytestmark = [pytest.mark.speech, pytest.mark.flite]

FAR = {
    "en": "We are open from Monday to Friday between nine and five. Is there anything else I can do?",
    "de": "Wir haben von Montag bis Freitag zwischen neun und siebzehn Uhr geöffnet. Kann ich sonst noch etwas tun?",
}
NEAR = {"en": "No wait a moment, I have another question.", "de": "Moment bitte, ich habe noch eine Frage."}
RATE = 8000
LEAD = RATE
LISTENED = round(LISTENED_S * RATE)
THRESHOLD = Policy().echo_threshold
EVERY = 480


@cache
def voice(text, lang):
    """Speech at -20 dBFS as the carrier has it."""
    try:
        return caller_voice()(text, lang)
    except Unavailable as missing:
        pytest.skip(f"{missing}")


def line(lang, *, echo_db=None, delay_ms=0.0, near_at=None, near_db=0.0, snr_db=30.0, twice=False, seed=0):
    """What was played from 1 s on, and what came in meanwhile."""
    far = b"\xff" * LEAD + voice(FAR[lang], lang)
    played = decode_float(far).astype(float)
    came = white(len(far) + RATE // 2, np.random.default_rng(seed)) * 0.1 * factor(-snr_db)
    if echo_db is not None:
        delay = round(delay_ms * RATE / 1000)
        came[delay : delay + len(far)] += played[: len(came) - delay] * factor(echo_db)
    if near_at is not None:
        near = decode_float(voice(NEAR[lang], lang)).astype(float)[: len(came) - near_at]
        came[near_at : near_at + len(near)] += near * factor(near_db)
    inbound = encode_float(came)
    return far, encode_float(decode_float(inbound)) if twice else inbound


def asked(far, inbound, moments):
    """What the guard says at each of these samples."""
    answers = []
    for end in moments:
        guard = EchoGuard()
        for at in range(max(LEAD, end - 2 * RATE), min(end, len(far)), 1600):
            guard.sent(far[at : at + 1600], at / RATE)
        answers.append(guard.likelihood(inbound[end - LISTENED : end], end / RATE))
    return answers


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize("snr_db", [30, 25])
@pytest.mark.parametrize("echo_db", [-10, -15, -20, -25, -30])
def test_an_echo_is_told_at_every_moment_of_it(lang, snr_db, echo_db):
    """From 80 ms after it began, on a clean line and on a noisy one, once and twice through mu-law: never a caller."""
    for seed, delay in enumerate((50, 130, 300, 600)):
        far, inbound = line(
            lang, echo_db=echo_db, delay_ms=delay, snr_db=snr_db, twice=bool(seed % 2), seed=seed + 10 * abs(echo_db)
        )
        began = LEAD + round(delay * RATE / 1000)
        answers = asked(far, inbound, range(began + 1000, len(far), EVERY * 5))
        assert min(answers) >= THRESHOLD, (delay, answers.index(min(answers)))


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize(("echo_db", "near_db"), [(-10, 0), (-20, 0), (-20, -10), (-25, -5), (None, 0), (None, -10)])
def test_a_caller_is_heard_on_top_of_the_echo(lang, echo_db, near_db):
    """Ten decibels above the echo and more, or alone: within 360 ms of the words two looks in a row say so."""
    for seed in range(4):
        near_at = LEAD + 6000 + 4000 * seed
        far, inbound = line(
            lang, echo_db=echo_db, delay_ms=60 + 90 * seed, near_at=near_at, near_db=near_db, snr_db=25, seed=seed
        )
        words = near_at + int(np.argmax(np.abs(decode_float(voice(NEAR[lang], lang))) > 0.02))
        answers = asked(far, inbound, range(words + EVERY, words + 7 * EVERY, EVERY))
        low = [answer < THRESHOLD for answer in answers]
        assert any(one and two for one, two in pairwise(low)), answers


@pytest.mark.parametrize("lang", ["en", "de"])
def test_other_speech_scores_low(lang):
    """The same voice saying something else, as loud as a caller is: on the whole far from an echo."""
    answers = []
    for seed in range(4):
        near_at = LEAD + 6000 + 6000 * seed
        far, inbound = line(lang, near_at=near_at, seed=seed)
        answers += asked(far, inbound, range(near_at + 1600, near_at + 8000, EVERY))
    assert np.median(answers) <= 0.1
    assert np.mean([answer >= THRESHOLD for answer in answers]) <= 0.05
