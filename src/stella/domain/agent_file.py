"""Reads an agent file. A file is understood as a whole or refused with the line and the mend; nothing is guessed."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time
from typing import Any

from stella.domain.agent import (
    Agent,
    Engines,
    Hours,
    LanguageSetup,
    Limits,
    NotifyTarget,
    Person,
    Phrases,
)
from stella.domain.agent_check import Checked, check
from stella.domain.agent_keys import DAYS, LANGUAGES
from stella.domain.agent_tools import booking, http_tools, mcp_servers, python_tools, sms
from stella.domain.consent import Preset
from stella.domain.errors import AgentFileError
from stella.domain.numbers import COUNTRY_CODES, why_not
from stella.domain.phrases import DISCLOSURE_LIMIT, fill, phrases_for
from stella.domain.toml_lines import key_lines

FILE_LIMIT = 200_000
"""Characters; a longer file is a mistake."""

LOCALES = {"de": "de-AT", "en": "en-GB"}
SAY_VOICES = {"de": "Polly.Vicki-Neural", "en": "Polly.Amy-Neural"}


def parse_agent(
    text: str,
    file: str,
    environ: Mapping[str, str],
    policy_names: Mapping[str, tuple[float, float]],
) -> Agent:
    """Read the TOML text of an agent file.

    `environ` gives the values of `{env = "NAME"}`; `policy_names` the numbers of the turn-taking with their bounds.
    Raises AgentFileError with file, line and reason, and nothing else.
    """
    if len(text) > FILE_LIMIT:
        raise AgentFileError(file, 0, f"has {len(text)} characters; {FILE_LIMIT} at most")
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AgentFileError(file, _toml_line(str(error), text), f"is not TOML: {error}") from error
    checked = check(tree, file, key_lines(text), environ, policy_names)
    return _agent(checked, environ, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12])


def agent_of(
    tree: Mapping[str, Any], file: str, environ: Mapping[str, str], policy_names: Mapping[str, tuple[float, float]]
) -> Agent:
    """The agent of a tree that no file holds, checked like one; its version is that of what it says.

    `file` is how mistakes name it. Raises AgentFileError.
    """
    version = hashlib.sha256(repr(tree).encode("utf-8", "replace")).hexdigest()[:12]
    return _agent(check(dict(tree), file, {}, environ, policy_names), environ, version)


def _toml_line(complaint: str, text: str) -> int:
    _, _, where = complaint.partition("at line ")
    digits = where.split(",")[0]
    return int(digits) if digits.isdecimal() else len(text.splitlines()) or 1


def _agent(checked: Checked, environ: Mapping[str, str], version: str) -> Agent:
    tree = checked.tree
    preset = Preset(tree.get("preset", Preset.DISCLOSE))
    countries = tuple(tree.get("countries", ("AT", "DE", "CH")))
    for index, code in enumerate(countries):
        if code not in COUNTRY_CODES:
            raise checked.error(("countries", index), f"{code} cannot be allowed; known are {', '.join(COUNTRY_CODES)}")
    limits = Limits(**tree.get("limits", {}))
    if limits.warn_before_s >= limits.call_s:
        raise checked.error(("limits", "warn_before_s"), "must be shorter than call_s")
    return Agent(
        name=tree["name"],
        company=tree["company"],
        numbers=tuple(tree.get("numbers", ())),
        languages=_languages(checked, preset, environ),
        preset=preset,
        voice_path=tree.get("voice_path", "stream"),
        path_without_ears=tree.get("path_without_ears", "gather"),
        speech_model=tree.get("speech_model", ""),
        instructions=tree.get("instructions", ""),
        engines=Engines(**{kind: tuple(names) for kind, names in tree.get("engines", {}).items()}),
        knowledge=tree.get("knowledge", ""),
        knowledge_pages=tuple(dict.fromkeys(tree.get("knowledge_pages", ()))),
        knowledge_refresh_h=tree.get("knowledge_refresh_h", 6.0),
        knowledge_embeddings=tree.get("knowledge_embeddings", ""),
        people=_people(checked, countries),
        countries=countries,
        hours=_hours(checked),
        notify=tuple(_notify(checked, index, item) for index, item in enumerate(tree.get("notify", ()))),
        limits=limits,
        policy={name: float(value) for name, value in tree.get("policy", {}).items()},
        version=version,
        http_tools=http_tools(checked),
        python_tools=python_tools(checked),
        vocabulary={where: tuple(words) for where, words in tree.get("vocabulary", {}).items()},
        pronunciation=_pronunciation(tree.get("pronunciation", {})),
        listens_to_all=tree.get("listens") == "all",
        mcp=mcp_servers(checked),
        sms=sms(checked),
        booking=booking(checked),
    )


def _pronunciation(tree: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By language: those of every language, and its own over them."""
    every = {word: says for word, says in tree.items() if isinstance(says, str)}
    merged = {code: every | (tree[code] if isinstance(tree.get(code), dict) else {}) for code in LANGUAGES}
    return {code: words for code, words in merged.items() if words}


def _languages(checked: Checked, preset: Preset, environ: Mapping[str, str]) -> tuple[LanguageSetup, ...]:
    setups: dict[str, LanguageSetup] = {}
    for index, item in enumerate(checked.tree["languages"]):
        code = item["code"]
        if code in setups:
            raise checked.error(("languages", index, "code"), f"{code} is there twice")
        setups[code] = LanguageSetup(
            code=code,
            locale=item.get("locale", LOCALES[code]),
            voice=item.get("voice", code),
            say_voice=item.get("say_voice", SAY_VOICES[code]),
            phrases=_phrases(checked, index, item, preset, environ),
        )
    return tuple(setups.values())


def _phrases(
    checked: Checked, index: int, item: Mapping[str, Any], preset: Preset, environ: Mapping[str, str]
) -> Phrases:
    company = checked.tree["company"]
    notice = item.get("consent_text") or environ.get(f"STELLA_CONSENT_TEXT_{item['code'].upper()}", "").strip()
    own: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in item.get("phrases", {}).items()
    }
    if "greeting" in item:
        own["greeting"] = item["greeting"]
    phrases = fill(replace(phrases_for(item["code"], company, preset, notice), **own), company)
    if len(phrases.disclosure) > DISCLOSURE_LIMIT:
        key = "phrases" if "disclosure" in own else "consent_text"
        raise checked.error(
            ("languages", index, key),
            f"what is said before the call has {len(phrases.disclosure)} characters; {DISCLOSURE_LIMIT} at most"
            + ("" if item.get("consent_text") or own else f" (STELLA_CONSENT_TEXT_{item['code'].upper()} is too long)"),
        )
    return phrases


def _people(checked: Checked, countries: tuple[str, ...]) -> tuple[Person, ...]:
    people: list[Person] = []
    taken: set[str] = set()
    for index, item in enumerate(checked.tree.get("people", ())):
        if fault := why_not(item["number"], countries):
            raise checked.error(("people", index, "number"), f"number {fault}")
        for name in (item["name"], *item.get("also", ())):
            if name.casefold() in taken:
                raise checked.error(
                    ("people", index, "name"), f"“{name}” is there twice; callers could not tell them apart"
                )
            taken.add(name.casefold())
        people.append(Person(item["name"], item["number"], tuple(item.get("also", ())), item.get("extension", "")))
    return tuple(people)


def _hours(checked: Checked) -> Hours:
    item = checked.tree.get("hours", {})
    weekly: dict[int, tuple[tuple[time, time], ...]] = {}
    for day, name in enumerate(DAYS):
        key = name if name in item else "weekdays"
        spans = item.get(key, ()) if key == name or day < 5 else ()
        weekly[day] = _spans(checked, key, spans)
    closed = tuple(_stretch(checked, index, text) for index, text in enumerate(item.get("closed", ())))
    country = item.get("holidays", "AT")
    zone = item.get("zone", "Europe/Vienna")
    if not any(weekly.values()):
        weekly = {}
    return Hours(zone=zone, weekly=weekly, holidays="" if country == "none" else country, closed=closed)


def _spans(checked: Checked, key: str, texts: list[str] | tuple[str, ...]) -> tuple[tuple[time, time], ...]:
    spans: list[tuple[time, time]] = []
    for text in texts:
        begin, end = text.split("-")
        span = time.fromisoformat(begin), time.max if end == "24:00" else time.fromisoformat(end)
        if span[0] >= span[1]:
            raise checked.error(("hours", key), f"{text} ends before it begins; write two spans over midnight")
        if spans and span[0] < spans[-1][1]:
            raise checked.error(("hours", key), f"{text} overlaps or precedes the span before it")
        spans.append(span)
    return tuple(spans)


def _stretch(checked: Checked, index: int, text: str) -> tuple[date, date]:
    try:
        begin, _, end = text.partition("/")
        stretch = date.fromisoformat(begin), date.fromisoformat(end or begin)
    except ValueError as error:
        raise checked.error(("hours", "closed", index), f"{text}: {error}") from error
    if stretch[0] > stretch[1]:
        raise checked.error(("hours", "closed", index), f"{text} ends before it begins")
    return stretch


def _notify(checked: Checked, index: int, item: Mapping[str, Any]) -> NotifyTarget:
    where = ("notify", index, "to")
    to = item["to"]
    # Plain http to this machine is for trying it out: the delivery allows it in development only.
    if item["kind"] == "webhook" and not to.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise checked.error(where, "a webhook must be an https:// URL")
    if item["kind"] == "email" and (to.count("@") != 1 or any(c.isspace() or c in ",;<>" for c in to)):
        raise checked.error(where, "must be one e-mail address such as office@example.com")
    return NotifyTarget(item["kind"], to, item.get("secret", ""))
