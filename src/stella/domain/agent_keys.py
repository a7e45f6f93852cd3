"""Every key an agent file may have: what it means, what it may be. The validator and the reference page read this table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from stella.domain.agent import Phrases

LANGUAGES = ("de", "en")
VOICE_PATHS = ("stream", "realtime", "relay", "gather")
PRESETS = ("disclose", "ask-recording", "ask-everything", "announce")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SPAN = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(?:([01]\d|2[0-3]):[0-5]\d|24:00)")
_DATES = re.compile(r"\d{4}-\d\d-\d\d(/\d{4}-\d\d-\d\d)?")

Rule = Callable[[str], str]
"""Says what is wrong with a text, or nothing."""


def _matches(pattern: re.Pattern[str], wish: str) -> Rule:
    return lambda text: "" if pattern.fullmatch(text) else f"must be {wish}"


def _one_of(*words: str) -> Rule:
    return lambda text: "" if text in words else f"must be one of {', '.join(words)}"


def _free(limit: int) -> Rule:
    return lambda text: "" if text.strip() and len(text) <= limit else f"must have 1 to {limit} characters"


_ANY_TEXT: Rule = _free(400)


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `kind` is `text`, `texts` (a list of texts), `number`, `switch` (true or false), `table` or `tables` (`[[…]]`)."""

    kind: str
    says: str
    rule: Rule = _ANY_TEXT
    low: float = 0.0
    high: float = 0.0
    whole: bool = False
    required: bool = False
    most: int = 50


LISTENING = ("one", "all")
WORD_MOST, SAYS_MOST = 60, 120
"""Characters of a word with a pronunciation of its own, and of how it is written for the voice."""

_ROOT: dict[str, Key] = {
    "name": Key("text", "The agent's short name in records and logs.", _matches(_NAME, "a-z, 0-9 and hyphens, 40 at most"),
                required=True),
    "company": Key("text", "The company as callers should hear it.", _free(80), required=True),
    "numbers": Key("texts", "The numbers (E.164) this agent answers; none: every number that no other agent has.",
                   _matches(re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII), "an international number such as +4315550100")),
    "preset": Key("text", "What callers are promised about their data: `" + "`, `".join(PRESETS) + "`.", _one_of(*PRESETS)),
    "voice_path": Key("text", "How the call is carried: `" + "`, `".join(VOICE_PATHS) + "`.", _one_of(*VOICE_PATHS)),
    "path_without_ears": Key("text", "How a call is carried in a language that no configured speech-to-text understands: "
                             "`gather` (default) or `relay`.", _one_of("gather", "relay")),
    "speech_model": Key("text", "Twilio's recognition on the `gather` path, such as `phone_call`, `numbers_and_commands` or "
                        "`deepgram_nova-3`; without it Twilio chooses, and another one when that fails.",
                        _matches(re.compile(r"[a-z0-9_-]{1,60}"), "a name as in Twilio's <Gather speechModel>")),
    "instructions": Key("text", "What a language model is told about its job; the `receptionist` brain needs none.",
                        _free(20_000)),
    "knowledge": Key("text", "Folder of pages (Markdown, HTML, PDF, text), relative to the agent file.", _free(400)),
    "knowledge_pages": Key("texts", "Pages of the web (https) that are read too.",
                           _matches(re.compile(r"https://[^\s/?#@\\]+([/?][^\s#\\]*)?"), "a page's https:// address, without #")),
    "knowledge_embeddings": Key("text", "`VENDOR:MODEL` whose `/embeddings` also finds pages by meaning, such as "
                                "`openai:text-embedding-3-small`; questions are sent there.",
                                _matches(re.compile(r"[a-z]{2,20}:[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,99}"), "VENDOR:MODEL")),
    "knowledge_refresh_h": Key("number", "How often they are looked at again, hours.", low=0.25, high=720),
    "countries": Key("texts", "Countries (two letters) that transfer targets may be in.",
                     _matches(re.compile(r"[A-Z]{2}"), "two capital letters such as AT")),
    "languages": Key("tables", "The languages it speaks, the first is the default.", required=True, most=2),
    "engines": Key("table", "Which adapters listen, think and speak, in the order they are tried."),
    "listens": Key("text", "For which languages: `one` (the call's, the default), or `all` of the agent at once, where the ears "
                   "can; the call then goes on in the one that was heard.", _one_of(*LISTENING)),
    "vocabulary": Key("table", "Words that callers are likely to say, beside the names of the company and its people."),
    "pronunciation": Key("spellings", 'How voices say a word: `Vintaro = "Winntaro"`; for one language only in '
                         "`[pronunciation.de]`. Capitals count. The record keeps the word.", most=200),
    "people": Key("tables", "People a caller can be transferred to, by name.", most=200),
    "tools": Key("tables", "What a language model may use besides the built-in tools.", most=20),
    "booking": Key("table", "Lets a language model find free times and book appointments."),
    "sms": Key("table", "Lets a language model send the caller a text message, to the number they call from."),
    "mcp": Key("tables", "Servers of the Model Context Protocol whose tools a language model may use.", most=5),
    "hours": Key("table", "When the company answers in person."),
    "notify": Key("tables", "Where messages and call-back tasks go.", most=10),
    "limits": Key("table", "Bounds of a call."),
    "policy": Key("table", "Numbers of the turn-taking (see docs/reference/policy)."),
}  # fmt: skip

_LANGUAGE: dict[str, Key] = {
    "code": Key("text", "`de` or `en`.", _one_of("de", "en"), required=True),
    "locale": Key("text", "BCP-47, for the carrier's own voice and ears.",
                  _matches(re.compile(r"[a-z]{2}-[A-Z]{2}"), "a locale such as de-AT")),
    "voice": Key("text", "Whose voice: `elevenlabs=ID deepgram=NAME`; a bare name is for the first engine.", _free(200)),
    "say_voice": Key("text", "Voice name for the carrier's `<Say>`.", _free(80)),
    "consent_text": Key("text", "What is said about processing, after the sentence that a machine speaks.", _free(400)),
    "greeting": Key("text", "The first words inside the conversation.", _free(400)),
    "phrases": Key("table", "Any of the fixed phrases, said in your words."),
}  # fmt: skip

_HOURS: dict[str, Key] = {
    "zone": Key("text", "IANA time zone.", _matches(re.compile(r"[A-Za-z_]+(/[A-Za-z_+-]+)*"), "a zone such as Europe/Vienna")),
    "holidays": Key("text", "Country, or country-region, whose public holidays are closed days (`AT`, `DE-BY`); `none`.",
                    _matches(re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?|none"), "a country such as AT, or none")),
    "closed": Key("texts", "More closed days: `2026-12-24` or `2026-12-24/2026-12-31`.",
                  _matches(_DATES, "a day (2026-12-24) or a stretch (2026-12-24/2026-12-31)")),
    "weekdays": Key("texts", "Opening spans of Monday to Friday, for days that have none of their own.",
                    _matches(_SPAN, "a span such as 09:00-17:00")),
    **{day: Key("texts", f"Opening spans of {day.capitalize()}; an empty list is closed.",
                _matches(_SPAN, "a span such as 09:00-17:00")) for day in DAYS},
}  # fmt: skip

_ENGINE = _matches(re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,99}"), "an adapter's name")

_WORD = _matches(re.compile(r"[a-z][a-z0-9_]{0,39}"), "a-z, 0-9 and underscores, 40 at most")

PARAMETER_KINDS = ("text", "number", "whole", "yes-no")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_CARE: dict[str, Key] = {
    "confirm": Key("switch", "`true`: the caller hears what is about to happen and must say yes first."),
    "asks_de": Key("text", "What is about to happen, said before the caller's yes; `{parameter}` may stand in it.", _free(300)),
    "asks_en": Key("text", "The same in English.", _free(300)),
    "most": Key("number", "So many different uses in one call; 20 unless said otherwise.", low=1, high=60, whole=True),
}  # fmt: skip

_TOOL: dict[str, Key] = {
    "name": Key("text", "What the model calls it.", _WORD, required=True),
    "description": Key("text", "What it does and when to use it, for the model.", _free(500)),
    "url": Key("text", "An https address; `{parameter}` may stand behind the host.", _free(1000)),
    "method": Key("text", "`GET` (the default), `POST`, `PUT`, `PATCH` or `DELETE`; all but `GET` are sent once a call.",
                  _one_of(*METHODS)),
    "python": Key("text", "Instead of `url`: a Python function of yours, `module:function`.",
                  _matches(re.compile(r"[A-Za-z_][\w.]{0,99}:[A-Za-z_]\w{0,99}", re.ASCII), "module:function")),
    "network": Key("text", "`public` (the default), or `private` for an address of your own network.",
                   _one_of("public", "private")),
    "deadline_s": Key("number", "How long a caller waits for it, seconds.", low=0.5, high=15),
    **_CARE,
    "parameters": Key("tables", "What the model fills in; what has no place in the address is query or JSON body.", most=20),
    "headers": Key("tables", "Headers sent with it.", most=10),
}  # fmt: skip

_NAMED_HEADER: dict[str, Key] = {
    "name": Key("text", "A header's name.", _matches(re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}"), "a header's name"),
                required=True),
    "value": Key("text", 'Its value, for a secret `{env = "NAME"}`.', _free(2000), required=True),
}  # fmt: skip

_MCP: dict[str, Key] = {
    "name": Key("text", "Stands before the names of its tools.", _matches(re.compile(r"[a-z][a-z0-9_]{0,19}"),
                "a-z, 0-9 and underscores, 20 at most"), required=True),
    "url": Key("text", "Its address (streamable HTTP), https unless it is in your own network.", _free(1000)),
    "command": Key("texts", "Instead of `url`: a program to start and its arguments (stdio).", _free(400)),
    "tools": Key("texts", "The tools that may be used, by the server's names; no other is.", _free(100), required=True, most=40),
    "reads": Key("texts", "Those of them that only look something up; the others are carried out once a call.", _free(100)),
    "confirm": Key("texts", "Those of them that need the caller's yes.", _free(100)),
    "network": Key("text", "`public` (the default), or `private` for an address of your own network.",
                   _one_of("public", "private")),
    "deadline_s": Key("number", "How long a caller waits for a tool of it, seconds; 8 unless said otherwise.", low=0.5, high=25),
    "most": _CARE["most"],
    "headers": Key("tables", "Headers sent with every request.", most=10),
    "environment": Key("tables", "Variables the program gets, besides PATH, HOME and the like.", most=20),
}  # fmt: skip

_LISTS = ("no_input", "still_working")

TABLES: dict[str, dict[str, Key]] = {
    "": _ROOT,
    "languages": _LANGUAGE,
    "languages.phrases": {
        name: Key("texts" if name in _LISTS else "text", "A fixed phrase.", most=5) for name in Phrases.__slots__
    },
    "engines": {
        kind: Key("texts", f"Adapters for {kind}.", _ENGINE, most=8) for kind in ("stt", "brain", "tts", "realtime")
    },
    "vocabulary": {
        "words": Key("texts", "In every language.", _free(WORD_MOST), most=100),
        "de": Key("texts", "When German is spoken.", _free(WORD_MOST), most=100),
        "en": Key("texts", "When English is spoken.", _free(WORD_MOST), most=100),
    },
    "people": {
        "name": Key("text", "The name callers ask for.", _free(60), required=True),
        "number": Key("text", "E.164, in one of `countries`, no premium or satellite range.", _free(20), required=True),
        "also": Key("texts", "Other words that mean this person, departments too.", _free(60)),
        "extension": Key("text", "Keys sent once they answer.", _matches(re.compile(r"[0-9*#w]{1,20}"), "keys 0-9 * # w")),
    },
    "hours": _HOURS,
    "tools": _TOOL,
    "mcp": _MCP,
    "booking": {
        "url": Key("text", "The CalDAV collection of the calendar, https unless it is in your own network.", _free(1000)),
        "feeds": Key("texts", "Instead of `url`: addresses of iCalendar feeds (`.ics`) with what is taken; bookings then go "
                     "to `notify`.", _free(1000), most=5),
        "user": Key("text", "User name for CalDAV.", _free(200)),
        "password": Key("text", 'Password for CalDAV; only as `{env = "NAME"}`.', _free(400)),
        "network": Key("text", "`public` (the default), or `private` for an address of your own network.",
                       _one_of("public", "private")),
        "services": Key("tables", "What can be booked.", required=True, most=20),
        "step_minutes": Key("number", "Times are offered on this grid; 30 unless said otherwise.", low=5, high=240, whole=True),
        "buffer_minutes": Key("number", "Pause around each appointment; 0 unless said otherwise.", low=0, high=240, whole=True),
        "lead_hours": Key("number", "How soon the earliest appointment may be; 2 unless said otherwise.", low=0, high=720),
        "ahead_days": Key("number", "How far ahead may be booked; 60 unless said otherwise.", low=1, high=365, whole=True),
        "per_call": Key("number", "Bookings in one call; 2 unless said otherwise.", low=1, high=10, whole=True),
    },
    "booking.services": {
        "name": Key("text", "As callers should hear it.", _free(60), required=True),
        "minutes": Key("number", "How long it takes.", low=5, high=720, whole=True, required=True),
    },
    "sms": {
        "sender": Key("text", "A messaging service of your Twilio account; without it `TWILIO_NUMBER` sends.",
                      _matches(re.compile(r"MG[0-9a-fA-F]{32}"), "the SID of a messaging service (MG…)")),
        "countries": Key("texts", "Countries (two letters) whose numbers get texts; without it those of the agent.",
                         _matches(re.compile(r"[A-Z]{2}"), "two capital letters such as AT")),
        "per_call": Key("number", "Texts in one call; 2 unless said otherwise.", low=1, high=5, whole=True),
        "per_hour": Key("number", "Texts in an hour, all calls together; 30 unless said otherwise.", low=1, high=1000,
                        whole=True),
        "links": Key("texts", "Hosts whose addresses may stand in a text, such as vintaro.at; without it none.",
                     _matches(re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+"), "a host such as vintaro.at"), most=10),
    },
    "mcp.headers": _NAMED_HEADER,
    "mcp.environment": {
        "name": Key("text", "A variable's name.", _matches(re.compile(r"[A-Z_][A-Z0-9_]{0,79}"), "A-Z, 0-9 and underscores"),
                    required=True),
        "value": Key("text", 'Its value, for a secret `{env = "NAME"}`.', _free(2000), required=True),
    },
    "tools.parameters": {
        "name": Key("text", "As in the address or the body.", _WORD, required=True),
        "kind": Key("text", "`text` (the default), `number`, `whole` or `yes-no`.", _one_of(*PARAMETER_KINDS)),
        "says": Key("text", "What the model has to put there.", _free(300)),
        "choices": Key("texts", "The only texts allowed.", _free(80)),
        "required": Key("text", "`yes` (the default) or `no`.", _one_of("yes", "no")),
    },
    "tools.headers": _NAMED_HEADER,
    "notify": {
        "kind": Key("text", "`email` or `webhook`.", _one_of("email", "webhook"), required=True),
        "to": Key("text", "An address, or an https URL.", _free(400), required=True),
        "secret": Key("text", 'Signs the webhook; only as `{env = "NAME"}`.', _free(400)),
    },
    "limits": {
        "call_s": Key("number", "Longest call, seconds.", low=60, high=7200),
        "warn_before_s": Key("number", "Say so this long before the end, seconds.", low=0, high=600),
        "calls_at_once": Key("number", "Calls at once; more hear that all lines are busy.", low=1, high=5000, whole=True),
        "transfers_per_hour": Key("number", "Transfers per hour.", low=0, high=1000, whole=True),
        "cost_call_usd": Key("number", "What the engines of one call may cost, US dollars; 0 (the default): no bound.",
                             low=0, high=1000),
        "cost_day_usd": Key("number", "What all calls of a day may cost together.", low=0, high=100_000),
        "cost_number_usd": Key("number", "What the calls to one of your numbers may cost a day.", low=0, high=100_000),
        "cost_caller_usd": Key("number", "What the calls from one number may cost a day; who hides theirs is one caller.",
                               low=0, high=100_000),
        "messages_per_call": Key("number", "Messages and call-back tasks one call may leave.", low=0, high=20, whole=True),
    },
}  # fmt: skip
"""Keys by table; `policy` is filled in by the caller of the parser, who knows its names and bounds."""
