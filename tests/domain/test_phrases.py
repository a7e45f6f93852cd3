"""The built-in words keep their promises."""

from __future__ import annotations

import pytest

from stella.domain.agent import Phrases
from stella.domain.consent import Preset
from stella.domain.phrases import DEFAULTS, DISCLOSURE_LIMIT, phrases_for


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("code", DEFAULTS)
def test_a_disclosure_is_short_and_says_that_a_machine_speaks(code, preset):
    """At most 400 characters with a long company name, nothing asked in it (nothing can hear an answer)."""
    phrases = phrases_for(code, "Wiener Lebensmittelgroßhandelsgesellschaft m. b. H. & Co KG", preset)
    assert len(phrases.disclosure) <= DISCLOSURE_LIMIT
    assert ("künstliche" if code == "de" else "automated") in phrases.disclosure
    assert "?" not in phrases.disclosure
    assert "{" not in "".join(str(getattr(phrases, name)) for name in Phrases.__slots__)


@pytest.mark.parametrize("code", DEFAULTS)
def test_a_preset_says_what_is_kept(code):
    """What is promised differs from preset to preset."""
    told = {preset: phrases_for(code, "X", preset).disclosure for preset in Preset}
    assert len(set(told.values())) == len(Preset)
    assert all(phrases_for(code, "X", preset).consent_question.endswith((".", "?")) for preset in Preset)


@pytest.mark.parametrize("code", DEFAULTS)
def test_every_phrase_is_there_and_short(code):
    """Every fixed phrase can be said in one breath; silence is answered more than once."""
    phrases = DEFAULTS[code]
    for name in Phrases.__slots__:
        value = getattr(phrases, name)
        for text in (value,) if isinstance(value, str) else value:
            assert 5 < len(text) <= (DISCLOSURE_LIMIT if name == "disclosure" else 140), name
    assert len(phrases.no_input) >= 2
