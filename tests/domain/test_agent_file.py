"""An agent file is understood as a whole or refused with the line and the mend (FAULTS F17)."""

from __future__ import annotations

import tomllib
from datetime import date, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stella.domain.agent_file import parse_agent
from stella.domain.agent_keys import TABLES
from stella.domain.consent import Preset
from stella.domain.errors import AgentFileError

POLICY = {"endpointing_usual": (0.0, 5.0)}

GOOD = """\
name = "office"
company = "Muster & Söhne"
preset = "ask-recording"
voice_path = "stream"
numbers = ["+4315550100"]
countries = ["AT"]
knowledge = "pages"
instructions = \"\"\"
Be kind.
name = "not a key"
\"\"\"

[[languages]]
code = "de"
consent_text = "Wir speichern nichts."
greeting = "Servus bei {company}!"
[languages.phrases]
farewell = "Pfiat di, {company} sagt danke."
no_input = ["Hallo?"]

[[languages]]
code = "en"

[engines]
stt = ["deepgram", "moonshine"]

[[people]]
name = "Anna Berger"
number = "+4315550101"
also = [
  "Buchhaltung",
  "accounting",
]
extension = "12#"

[hours]
weekdays = ["09:00-12:00", "13:00-17:00"]
friday = ["09:00-12:00"]
saturday = ["10:00-24:00"]
closed = ["2026-12-24/2026-12-31", "2027-05-02"]

[[notify]]
kind = "webhook"
to = "https://example.com/stella"
secret = {env = "HOOK"}

[limits]
call_s = 600
messages_per_call = 2

[policy]
endpointing_usual = 0.6
"""


def parse(text, environ=None):
    """Read a text as the file office.toml."""
    return parse_agent(text, "office.toml", {"HOOK": "whsec_value"} if environ is None else environ, POLICY)


def refusal(text, environ=None):
    """The error of a text."""
    with pytest.raises(AgentFileError) as caught:
        parse(text, environ)
    return caught.value


def test_a_good_file_becomes_an_agent():
    """Every key arrives where it belongs."""
    agent = parse(GOOD)
    assert (agent.name, agent.company, agent.preset) == ("office", "Muster & Söhne", Preset.ASK_RECORDING)
    assert agent.numbers == ("+4315550100",)
    assert [setup.code for setup in agent.languages] == ["de", "en"]
    german = agent.language("de").phrases
    assert "Wir speichern nichts." in german.disclosure
    assert german.greeting == "Servus bei Muster & Söhne!"
    assert german.farewell == "Pfiat di, Muster & Söhne sagt danke."
    assert german.no_input == ("Hallo?",)
    assert "aufzeichnen" in german.consent_question
    assert agent.engines.stt == ("deepgram", "moonshine")
    assert agent.engines.brain == ("receptionist",)
    assert agent.people[0].also == ("Buchhaltung", "accounting")
    assert agent.hours.weekly[0] == ((time(9), time(12)), (time(13), time(17)))
    assert agent.hours.weekly[4] == ((time(9), time(12)),)
    assert agent.hours.weekly[5] == ((time(10), time.max),)
    assert agent.hours.weekly[6] == ()
    assert agent.hours.closed[0] == (date(2026, 12, 24), date(2026, 12, 31))
    assert agent.notify[0].secret == "whsec_value"
    assert agent.limits.call_s == 600
    assert agent.limits.messages_per_call == 2
    assert agent.policy == {"endpointing_usual": 0.6}


def test_the_version_changes_with_the_file_and_only_then():
    """A call names the version it began with."""
    assert parse(GOOD).version == parse(GOOD).version
    assert parse(GOOD).version != parse(GOOD + "\n# later").version


def test_secrets_are_never_shown():
    """An agent may be printed in a log by accident."""
    assert "whsec_value" not in repr(parse(GOOD))


FAULTS = [
    ('company = "Muster & Söhne"', 'compani = "Muster"', 2, "did you mean `company`"),
    ('company = "Muster & Söhne"', 'company = ""', 2, "1 to 80 characters"),
    ('preset = "ask-recording"', 'preset = "ask"', 3, "must be one of disclose"),
    ('voice_path = "stream"', "voice_path = 7", 4, "must be a text in quotes"),
    ('numbers = ["+4315550100"]', 'numbers = ["0155"]', 5, "international number"),
    ('countries = ["AT"]', 'countries = ["XX"]', 6, "XX cannot be allowed"),
    ('code = "de"', 'code = "fr"', 14, "must be one of de, en"),
    ('greeting = "Servus', 'greting = "Servus', 16, "did you mean `greeting`"),
    ('farewell = "Pfiat', 'farewel = "Pfiat', 18, "did you mean `farewell`"),
    ('code = "en"', 'code = "de"', 22, "is there twice"),
    ('stt = ["deepgram", "moonshine"]', 'stt = "deepgram"', 25, "must be a list"),
    ('number = "+4315550101"', 'number = "+431 5550101"', 29, "not an international number"),
    ('number = "+4315550101"', 'number = "+43900123456"', 29, "premium"),
    ('number = "+4315550101"', 'number = "+4930123456"', 29, "outside the allowed countries"),
    ('number = "+4315550101"', 'number = "112"', 29, "emergency"),
    ('  "Buchhaltung",', '  "Anna Berger",', 28, "is there twice"),
    ('extension = "12#"', 'extension = "call"', 34, "keys 0-9"),
    ('friday = ["09:00-12:00"]', 'friday = ["12:00-09:00"]', 38, "ends before it begins"),
    ('friday = ["09:00-12:00"]', 'friday = ["9-12"]', 38, "a span such as"),
    ('friday = ["09:00-12:00"]', 'freitag = ["09:00-12:00"]', 38, "is not a key here"),
    ('"09:00-12:00", "13:00', '"09:00-14:00", "13:00', 37, "overlaps"),
    ('"2027-05-02"', '"2027-02-30"', 40, "day is out of range"),
    ('"2026-12-24/2026-12-31"', '"2026-12-31/2026-12-24"', 40, "ends before it begins"),
    ('to = "https://example.com/stella"', 'to = "http://example.com"', 44, "https"),
    ('kind = "webhook"', 'kind = "email"', 44, "e-mail address"),
    ('secret = {env = "HOOK"}', 'secret = "whsec_literal"', 45, "keep it in the environment"),
    ('secret = {env = "HOOK"}', 'secret = {env = "MISSING"}', 45, "MISSING is not set"),
    ('secret = {env = "HOOK"}', 'secret = {file = "x"}', 45, "must be a text, or {env"),
    ('secret = {env = "HOOK"}', 'api_key = "abc"', 45, "secrets live in the environment"),
    ("call_s = 600", "call_s = 1", 48, "from 60 to 7200"),
    ("call_s = 600", "call_s = true", 48, "must be a number"),
    ("call_s = 600", "call_s = 60\nwarn_before_s = 60", 49, "shorter than call_s"),
    ("messages_per_call = 2", "messages_per_call = 2.5", 49, "whole number"),
    ("endpointing_usual = 0.6", "endpointing = 0.6", 52, "did you mean `endpointing_usual`"),
    ("endpointing_usual = 0.6", "endpointing_usual = nan", 52, "must be a number"),
    ('company = "Muster & Söhne"', 'company = "a\\u0007b"', 2, "control characters"),
    ('company = "Muster & Söhne"', 'company = "sk-abcdefghijklmnopqrst"', 2, "looks like a secret"),
    ('company = "Muster & Söhne"', "company = Muster", 2, "is not TOML"),
    ('name = "office"', 'name = "Büro 1"', 1, "hyphens"),
]


@pytest.mark.parametrize(("good", "bad", "line", "reason"), FAULTS)
def test_a_fault_is_named_with_its_line_and_mend(good, bad, line, reason):
    """The person who must mend it sees where and what."""
    assert good in GOOD
    error = refusal(GOOD.replace(good, bad, 1))
    assert reason in error.reason, error
    assert error.line == line, error
    assert str(error).startswith(f"office.toml:{line}: ")


def test_a_missing_key_is_asked_for():
    """What is required is said with what it is for."""
    assert "`company` is missing" in refusal('name = "a"\n[[languages]]\ncode="de"\n').reason
    assert "languages" in refusal('name = "a"\ncompany = "b"\n').reason


def test_the_words_before_the_call_are_bounded():
    """400 characters of disclosure in all (PRODUCT §1), wherever they come from."""
    error = refusal(GOOD.replace("Wir speichern nichts.", "Wir speichern nichts. " * 18))
    assert "400 at most" in error.reason
    assert error.line == 15
    with pytest.raises(AgentFileError, match="STELLA_CONSENT_TEXT_EN is too long"):
        parse(GOOD, {"HOOK": "x", "STELLA_CONSENT_TEXT_EN": "x " * 200})


def test_the_environment_gives_the_consent_text_where_the_file_has_none():
    """`STELLA_CONSENT_TEXT_EN` of the installation is used; the file's own text is nearer and wins."""
    agent = parse(
        GOOD, {"HOOK": "x", "STELLA_CONSENT_TEXT_EN": "We note {company}.", "STELLA_CONSENT_TEXT_DE": "Nein."}
    )
    assert agent.language("en").phrases.disclosure.endswith("We note Muster & Söhne.")
    assert "Nein." not in agent.language("de").phrases.disclosure


def test_a_key_mutated_anywhere_is_refused_by_name():
    """F17: no misspelled key is ever taken for silence."""
    for number, line in enumerate(GOOD.splitlines(), 1):
        key, equals, rest = line.partition(" = ")
        if not equals or not key.isidentifier() or "not a key" in rest:
            continue
        lines = GOOD.splitlines()
        lines[number - 1] = f"{key}x = {rest}"
        error = refusal("\n".join(lines))
        assert f"{key}x" in error.reason or "is missing" in error.reason, (line, error)


@given(st.text(max_size=200))
def test_any_text_is_an_agent_or_an_agent_file_error(text):
    """Nothing else comes out."""
    with pytest.raises(AgentFileError):
        parse(text)


JSONISH = st.recursive(
    st.booleans() | st.integers(-5, 10**6) | st.text("ab+#\n{", max_size=6) | st.floats(allow_nan=False, width=16),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["env", "code", "name"]), inner, max_size=2)
    ),
    max_leaves=5,
)


def toml(value):
    """A value written as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return repr(value)


@given(st.sampled_from([(table, key) for table in TABLES if "." not in table for key in TABLES[table]]), JSONISH)
@settings(max_examples=150)
def test_any_value_of_any_key_is_taken_or_refused_with_its_line(place, value):
    """A wrong kind of value never gets through to a crash later."""
    table, key = place
    head = f"{key} = {toml(value)}\n" if not table else ""
    lists = table in ("languages", "people", "notify")
    body = f"{'[[' if lists else '['}{table}{']]' if lists else ']'}\n{key} = {toml(value)}\n" if table else ""
    base = {"name": 'name = "a"\n', "company": 'company = "b"\n'}
    text = head + "".join(line for name, line in base.items() if table or key != name) + body
    if table != "languages" and not (not table and key == "languages"):
        text += '[[languages]]\ncode = "de"\n'
    tomllib.loads(text)
    try:
        parse(text)
    except AgentFileError as error:
        assert error.reason
        assert error.line <= len(text.splitlines())


WORDS = (
    """
listens = "all"
"""
    + GOOD
    + """
[vocabulary]
words = ["Invisalign"]
de = ["Zahnkrone"]

[pronunciation]
Vintaro = "Winn taro"
"Müller & Söhne" = "Müller und Söhne"
[pronunciation.en]
Vintaro = "Vin-taro"
"""
)


def test_words_of_the_house_arrive_by_language():
    """Those of every language, and a language's own over them."""
    agent = parse(WORDS)
    assert agent.hints("de") == (
        "Muster & Söhne",
        "Invisalign",
        "Zahnkrone",
        "Anna Berger",
        "Buchhaltung",
        "accounting",
    )
    assert "Zahnkrone" not in agent.hints("en")
    assert agent.pronunciation["de"]["Vintaro"] == "Winn taro"
    assert agent.pronunciation["en"] == {"Vintaro": "Vin-taro", "Müller & Söhne": "Müller und Söhne"}
    assert agent.others("de") == ("en",)
    assert parse(GOOD).others("de") == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Vintaro = 3", "must be a text in quotes"),
        ('Vintaro = "…"', "must be how it is said"),
        ('"-" = "Strich"', "must be a word that begins and ends with a letter"),
        ('fr = {Vintaro = "Vintaró"}', "is no language; there are de, en"),
        ('de = {de = {Vintaro = "Winn"}}', "must be a text, or"),
        ('[vocabulary]\nworts = ["x"]', "did you mean `words`"),
    ],
)  # fmt: skip
def test_a_word_that_cannot_be_said_is_refused_with_its_line(line, reason):
    """The mend is in the reason, and the line is the word's own."""
    error = refusal(f"{GOOD}\n[pronunciation]\n{line}\n")
    assert reason in str(error)
    assert error.line > GOOD.count("\n")
