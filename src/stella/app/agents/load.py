"""Turns an agent file, or the name of a built-in agent, into an Agent."""

from __future__ import annotations

import contextlib
import hashlib
import zoneinfo
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import holidays
import phonenumbers

from stella.conversation.policy import Policy
from stella.domain.agent import Agent
from stella.domain.agent_file import FILE_LIMIT, agent_of, parse_agent
from stella.domain.errors import AgentFileError, ConfigError
from stella.domain.toml_lines import key_lines, line_of

SHELF = Path(__file__).parent
"""Where the built-in agents and their knowledge are kept."""

PAGES = 500
"""Pages of a knowledge folder that count; as many as the receptionist reads."""

PAGE_KINDS = frozenset({".md", ".html", ".htm", ".pdf", ".txt"})

BUILT_IN = ("receptionist", "bench")

POLICY: Mapping[str, tuple[float, float]] = {
    number.name: (number.metadata["low"], number.metadata["high"]) for number in fields(Policy)
}
"""The numbers of the turn-taking an agent file may set, with their bounds."""


def load_agent(
    source: str | Path, environ: Mapping[str, str], policy_names: Mapping[str, tuple[float, float]] = POLICY
) -> Agent:
    """The agent of a file or a built-in name; its knowledge folder is made absolute.

    Raises AgentFileError with file, line and reason.
    """
    path = SHELF / f"{source}.toml" if source in BUILT_IN else Path(source).expanduser()
    text = _read(path)
    agent = parse_agent(text, str(path), environ, policy_names)
    _check_outside_facts(agent, text, str(path))
    folder = _folder(agent, text, path)
    return replace(agent, knowledge=folder, version=_version(agent.version, folder))


def load_tree(tree: Mapping[str, Any], name: str, environ: Mapping[str, str]) -> Agent:
    """The agent of a program: the same checks and words as for a file; `name` is what mistakes are said to be in.

    A knowledge folder is relative to where the program runs. Raises AgentFileError.
    """
    agent = agent_of(tree, name, environ, POLICY)
    _check_outside_facts(agent, "", name)
    folder = _folder(agent, "", Path(name))
    return replace(agent, knowledge=folder, version=_version(agent.version, folder))


def pages_stamp(folder: str) -> str:
    """Changes whenever a page of a knowledge folder is written, added or removed; empty without a folder."""
    if not folder:
        return ""
    try:
        stats = [(page.name, page.stat().st_mtime_ns, page.stat().st_size) for page in _pages(folder)]
    except OSError:
        return "unreadable"
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:12]


def _version(file_version: str, folder: str) -> str:
    """Of the file and what its pages say: new pages are a new version too. The same text is the same version anywhere."""
    if not folder:
        return file_version
    digest = hashlib.sha256(file_version.encode())
    for page in _pages(folder)[:PAGES]:
        with contextlib.suppress(OSError), page.open("rb") as file:
            digest.update(file.read(FILE_LIMIT))
            digest.update(str(page.stat().st_size).encode())
    return digest.hexdigest()[:12]


def _pages(folder: str) -> list[Path]:
    return sorted(page for page in Path(folder).rglob("*") if page.suffix.lower() in PAGE_KINDS)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > 4 * FILE_LIMIT:
            raise AgentFileError(str(path), 0, f"is larger than {4 * FILE_LIMIT} bytes")
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise AgentFileError(str(path), 0, "is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        names = " or ".join(BUILT_IN)
        raise AgentFileError(str(path), 0, f"cannot be read ({error.strerror}); give a file, or {names}") from error


def _folder(agent: Agent, text: str, path: Path) -> str:
    if not agent.knowledge:
        return ""
    folder = (path.parent / agent.knowledge).resolve()
    if not folder.is_dir():
        raise AgentFileError(
            str(path),
            line_of(key_lines(text), ("knowledge",)),
            f"knowledge: {folder} is not a folder: make it, copy src/stella/app/agents/knowledge there to begin with, or "
            "take the line out",
        )
    return str(folder)


def _check_outside_facts(agent: Agent, text: str, file: str) -> None:
    """What only tables outside the pure rooms know: zones, holidays, real numbering plans."""
    lines = key_lines(text)
    try:
        zoneinfo.ZoneInfo(agent.hours.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        line = line_of(lines, ("hours", "zone"))
        raise AgentFileError(file, line, f"hours.zone: {agent.hours.zone} is not a time zone") from error
    if agent.hours.holidays:
        country, _, region = agent.hours.holidays.partition("-")
        try:
            holidays.country_holidays(country, subdiv=region or None)
        except (NotImplementedError, KeyError) as error:
            line = line_of(lines, ("hours", "holidays"))
            raise AgentFileError(
                file, line, f"hours.holidays: no holidays are known for {agent.hours.holidays}"
            ) from error
    try:
        Policy().with_overrides(agent.policy)
    except ConfigError as error:
        raise AgentFileError(file, line_of(lines, ("policy",)), str(error)) from error
    for index, person in enumerate(agent.people):
        if not dialable(person.number, agent.countries):
            line = line_of(lines, ("people", index, "number"))
            raise AgentFileError(
                file, line, f"people[{index + 1}].number: is not a number one can dial in {', '.join(agent.countries)}"
            )


def dialable(number: str, countries: tuple[str, ...]) -> bool:
    """Whether the numbering plans know the number as one that costs an ordinary call."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    costly = (
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
        phonenumbers.PhoneNumberType.SHARED_COST,
        phonenumbers.PhoneNumberType.PERSONAL_NUMBER,
        phonenumbers.PhoneNumberType.PAGER,
    )
    region = phonenumbers.region_code_for_number(parsed)
    return (
        phonenumbers.is_possible_number(parsed)
        and (region is None or region in countries)
        and phonenumbers.number_type(parsed) not in costly
    )
