"""STELLA as a library: an agent written in Python instead of in a file, with tools and a brain of one's own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stella.app.agents.load import load_tree
from stella.app.own import OWN, Own, Program, answer_of
from stella.app.settings import Settings, load_settings
from stella.domain.agent import Agent
from stella.domain.agent_tools import BUILT_IN
from stella.domain.errors import ConfigError
from stella.ports.function_tool import FunctionTool
from stella.ports.own_brain import Answer
from stella.ports.tool import Tool

if TYPE_CHECKING:
    from pydantic_ai import Agent as PydanticAgent

Table: TypeAlias = Mapping[str, Any]
"""A table of the agent file, with the same keys."""
BrainChoice: TypeAlias = "str | Sequence[str] | Answer | PydanticAgent[Any, str]"
WHERE = "Stella"
"""What mistakes are said to be in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a program is served, as far as it says so itself."""

    host: str = ""
    port: int | None = None
    data_dir: Path | None = None

    def settings(self, settings: Settings) -> Settings:
        """The environment's settings with these in place of its own."""
        told = {"host": self.host, "server_port": self.port, "data_dir": self.data_dir}
        return settings.model_copy(update={name: value for name, value in told.items() if value not in ("", None)})


@dataclass(frozen=True, slots=True)
class _Written:
    tree: dict[str, Any] = field(default_factory=dict)

    def put(self, **values: Any) -> None:
        """Keep what was given; what was not has the file's default."""
        for name, value in values.items():
            if value or (isinstance(value, str) and name == "company"):
                self.tree[name] = value


class Stella:
    """An agent that answers calls. Parameters are the keys of the agent file and are checked like them.

    `brain` is a name or a row of names as in the file, an async function, or a Pydantic AI agent; behind a brain of your own
    stands the receptionist. Everything else comes from the environment (docs/reference/settings.md).
    """

    def __init__(
        self,
        company: str,
        *,
        brain: BrainChoice = (),
        tools: Sequence[FunctionTool | Tool | Callable[..., Any]] = (),
        languages: Sequence[str | Table] = ("de", "en"),
        greeting: str | Mapping[str, str] = "",
        instructions: str = "",
        people: Mapping[str, str | Table] | None = None,
        hours: Table | None = None,
        notify: Sequence[Table] = (),
        knowledge: str | Path = "",
        knowledge_pages: Sequence[str] = (),
        preset: str = "",
        voice_path: str = "",
        stt: str | Sequence[str] = (),
        tts: str | Sequence[str] = (),
        countries: Sequence[str] = (),
        limits: Table | None = None,
        policy: Mapping[str, float] | None = None,
        more: Table | None = None,
        name: str = "stella",
        host: str = "",
        port: int | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        """Check everything at once; `more` is any other key of the agent file. Raises ConfigError with the mend."""
        own_brain, names = _brain(brain)
        self._own = Own(own_brain, _tools(tools, own_brain, names))
        self._place = _Place(host=host, port=port, data_dir=Path(data_dir) if data_dir else None)
        written = _Written()
        written.put(
            name=name, company=company, instructions=instructions, knowledge=str(Path(knowledge).absolute() if knowledge else ""),
            knowledge_pages=list(knowledge_pages),
            languages=_languages(languages, greeting), people=_people(people or {}), notify=[dict(each) for each in notify],
            hours=dict(hours or {}), preset=preset, voice_path=voice_path, countries=list(countries),
            limits=dict(limits or {}), policy=dict(policy or {}),
        )  # fmt: skip
        engines = {"stt": _row(stt), "brain": names, "tts": _row(tts)}
        written.put(engines={kind: row for kind, row in engines.items() if row})
        self._tree = {**dict(more or {}), **written.tree}
        self.agent = self._load()

    def _load(self) -> Agent:
        return load_tree(self._tree, WHERE, _environ(load_settings))

    @property
    def program(self) -> Program:
        """What a house needs to answer as this agent."""
        return Program(self._load, self._own)

    def serve(self) -> None:
        """Answer calls until SIGTERM or Ctrl-C; calls under way are finished. Blocks.

        What is missing or set wrongly ends the program with one line, as it ends `stella serve`. Without TWILIO_AUTH_TOKEN
        only this machine may call, as with `stella dev`; with it every request must be signed, and STELLA_PUBLIC_URL must
        be there, as with `stella serve`.
        """
        from stella.app.run import run_server

        try:
            settings, development = self.settings()
            run_server(settings, development=development, program=self.program)
        except ConfigError as wrong:
            raise SystemExit(f"stella: {wrong}") from None

    async def serve_async(self) -> None:
        """The same inside a loop of your own; logs are as you set them up."""
        from stella.app.run import serve

        settings, development = self.settings()
        await serve(settings, development=development, program=self.program)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Answer calls for the length of a block, beside your own program; gives the address. Signals stay yours."""
        from stella.app.beside import Beside

        settings, development = self.settings()
        beside = Beside(settings, self.program, development=development)
        house = await beside.start()
        try:
            yield house.server.base_url
        finally:
            await beside.stop()

    def settings(self, environ: Mapping[str, str] | None = None) -> tuple[Settings, bool]:
        """The settings, and whether this is development: no token in the environment. Then `.env` is read as well.

        Raises ConfigError.
        """
        settings = load_settings(environ)
        development = not settings.auth_tokens
        if development:
            settings = load_settings(environ, dotenv=Path(".env"))
        elif not settings.public_url:
            raise ConfigError(
                "STELLA_PUBLIC_URL is not set: Twilio signs its requests over the address it calls. "
                "Set it to that address, for example https://stella.example.com"
            )
        return self._place.settings(settings), development


def _environ(load: Callable[[], Settings]) -> dict[str, str]:
    settings = load()
    told = {"DE": settings.consent_text_de, "EN": settings.consent_text_en}
    return {**os.environ, **{f"STELLA_CONSENT_TEXT_{code}": text for code, text in told.items() if text}}


def _brain(brain: BrainChoice) -> tuple[Answer | None, list[str]]:
    """A function of one's own, and the names of the row it stands at the head of."""
    if isinstance(brain, str) or (isinstance(brain, Sequence) and not callable(brain)):
        return None, _row(brain)
    return answer_of(brain, OWN), [OWN]


def _row(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _tools(
    tools: Sequence[FunctionTool | Tool | Callable[..., Any]], own_brain: Answer | None, names: Sequence[str]
) -> tuple[Tool, ...]:
    made: list[Tool] = []
    for place, each in enumerate(tools, 1):
        try:
            one: Tool = each if hasattr(each, "arguments") else FunctionTool(each)  # type: ignore[assignment]
        except TypeError as fault:
            raise ConfigError(f"{WHERE}: tools[{place}]: {fault}") from None
        if one.name in BUILT_IN or one.name in {known.name for known in made}:
            raise ConfigError(f"{WHERE}: tools[{place}]: {one.name} is there twice, or built in")
        made.append(one)
    if made and own_brain is None and not any(":" in name for name in names):
        raise ConfigError(
            f"{WHERE}: tools: the receptionist uses no tools; give a brain that does, "
            'such as "openai:gpt-5-mini" or an async function of yours'
        )
    return tuple(made)


def _languages(languages: Sequence[str | Table], greeting: str | Mapping[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"code": each} if isinstance(each, str) else dict(each) for each in languages]
    if isinstance(greeting, str):
        if greeting and len(rows) != 1:
            raise ConfigError(f'{WHERE}: greeting: say it in every language, such as {{"de": "…", "en": "…"}}')
        greeting = {str(rows[0].get("code")): greeting} if greeting else {}
    if unknown := set(greeting) - {row.get("code") for row in rows}:
        raise ConfigError(f"{WHERE}: greeting: {min(unknown)} is not one of the agent's languages")
    for row in rows:
        if row.get("code") in greeting:
            row["greeting"] = greeting[row["code"]]
    return rows


def _people(people: Mapping[str, str | Table]) -> list[dict[str, Any]]:
    return [
        {"name": name, "number": each} if isinstance(each, str) else {"name": name, **each}
        for name, each in people.items()
    ]


__all__ = ["BrainChoice", "Stella"]
