"""Whatever a caller says or keys, the receptionist answers."""

from __future__ import annotations

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from stella.adapters.receptionist.memory import Memory
from stella.domain.acts import EndCall, TransferTo

LINES = (
    "ja", "nein", "ja genau", "yes", "no", "Ich möchte eine Nachricht hinterlassen", "I want to leave a message",
    "Anna Gruber", "B E R G E R", "mein Name ist Huber", "0664 1234567", "null sechs sechs vier", "wie bitte", "pardon",
    "verbinden Sie mich mit Anna Berger", "a human please", "Rückruf bitte", "abbrechen", "English please",
    "auf Deutsch bitte", "Haben Sie offen?", "are you open on christmas eve", "Was kostet das?", "Notfall", "auf Wiederhören",
    "the number", "den Namen", "#0", "#9", "#1", "#2", "#06641234567", "#*", "", "hm", "Ein Rohrbruch im Keller",
    "Are you a robot?", "danke", "vielleicht",
)  # fmt: skip
ANY_LINE = st.one_of(st.sampled_from(LINES), st.text(max_size=80))


@given(st.lists(ANY_LINE, max_size=12), st.sampled_from(["de", "en"]), st.booleans(), st.booleans())
@settings(max_examples=120, deadline=None)
def test_always_says_or_does_something(telephone, lines, language, staffed, anonymous):
    """Silence after a caller's words is the worst answer; so is an exception. And the state always fits."""

    async def call():
        phone = telephone(language, staffed=staffed, caller="anonymous" if anonymous else "+436641234567")
        for line in lines:
            heard = await phone.say(line)
            assert heard.text or heard.doings
            assert len(heard.text) < 1500
            assert "{" not in heard.text.replace(line, "")
            for act in heard.doings:
                if isinstance(act, TransferTo):
                    assert act.name in {person.name for person in phone.agent.people}
            state = phone.session.state()
            assert len(state) <= 16_000
            before = phone.session._memory
            phone.resume()
            assert phone.session._memory == before
            if any(isinstance(act, EndCall) for act in heard.acts):
                break

    asyncio.run(call())


@given(st.binary(max_size=200) | st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["step", "language", "last", "name"]), inner),
       max_leaves=6).map(lambda tree: json.dumps(tree).encode()))  # fmt: skip
def test_a_state_that_cannot_be_read_begins_anew(state):
    """A state comes from a store that may be older, newer or damaged."""
    memory = Memory.load(state, "en")
    assert memory == Memory(language="en")


@given(st.data())
def test_a_damaged_state_is_never_half_believed(data):
    """One wrong value, and the dialogue begins anew rather than at a step that does not exist."""
    tree = json.loads(Memory(language="de", step="summary", name="Anna", last=["Soll ich?"]).dump())
    key = data.draw(st.sampled_from(sorted(tree)))
    tree[key] = data.draw(st.sampled_from([None, -5, "nowhere", ["x"] * 50, {"a": 1}, 10**12]))
    memory = Memory.load(json.dumps(tree).encode(), "de")
    assert memory == Memory(language="de") or isinstance(getattr(memory, key), str)
