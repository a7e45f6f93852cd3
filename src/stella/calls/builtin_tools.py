"""The tools every model gets: messages, transfers by name, goodbye, languages, the company's pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec

from stella.domain.acts import ChangeLanguage, EndCall, TransferTo
from stella.domain.agent import Agent
from stella.domain.consent import Preset
from stella.ports.company import Company
from stella.ports.store import Notice, Outbox
from stella.ports.tool import CAREFREE, Care, Tool, ToolAnswer, ToolFacts

DEADLINE_S = 3.0
_KEYED = Care(repeats=True)

_Short = Annotated[str, msgspec.Meta(max_length=80)]
_Long = Annotated[str, msgspec.Meta(max_length=600)]

_LABELS = {
    "de": ("Für", "Name", "Telefon", "Anliegen", "nicht bestätigt", "Nachricht von", "Rückruf für"),
    "en": ("For", "Name", "Phone", "Concern", "not confirmed", "Message from", "Call back"),
}


class Message(msgspec.Struct):
    """What `take_message` needs."""

    concern: Annotated[_Long, msgspec.Meta(description="What it is about, in the caller's words.")]
    name: Annotated[_Short, msgspec.Meta(description="The caller's name; empty if they would not say.")] = ""
    number: Annotated[
        _Short, msgspec.Meta(description="The number to reach them, digits as said; empty for the one they call from.")
    ] = ""
    person: Annotated[_Short, msgspec.Meta(description="Whom it is for, if they said so.")] = ""
    kind: Annotated[
        Literal["message", "call-back"], msgspec.Meta(description="call-back when they want to be called.")
    ] = "message"
    confirmed: Annotated[
        list[Literal["name", "number", "concern"]],
        msgspec.Meta(max_length=3, description="What you read back and the caller confirmed."),
    ] = msgspec.field(default_factory=list)


class Nothing(msgspec.Struct):
    """No arguments."""


class Question(msgspec.Struct):
    """What `knowledge_search` needs."""

    question: Annotated[_Long, msgspec.Meta(description="What to look for, as a short question.")]


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """Hands a message to the outbox, which delivers it whatever happens."""

    outbox: Outbox
    most: int
    name: str = "take_message"
    description: str = (
        "Pass a message or a wish to be called back on to the company. "
        "Only after the caller confirmed what you read back."
    )
    arguments: type[msgspec.Struct] = Message
    deadline_s: float = DEADLINE_S
    outside: bool = True
    care: Care = _KEYED
    taken: set[str] = field(default_factory=set)

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        assert isinstance(arguments, Message)  # noqa: S101 checked by the toolbox
        if facts.key not in self.taken and len(self.taken) >= self.most:
            return ToolAnswer("No more messages in this call. Tell the caller to ring again later.", error="enough")
        answer = await _kept(self.outbox, arguments, facts)
        self.taken.add(facts.key)
        return answer


async def _kept(outbox: Outbox, told: Message, facts: ToolFacts) -> ToolAnswer:
    sure = set(told.confirmed)
    if facts.agent.preset is Preset.ASK_EVERYTHING:
        # Where a number asks before it keeps anything, what was not confirmed is left out: whether the caller agreed
        # to more is not for a brain to know.
        told = msgspec.structs.replace(
            told, name=told.name if "name" in sure else "", number=told.number if "number" in sure else ""
        )
    number = _one_line(told.number) or facts.caller
    if not _one_line(told.number):
        sure.discard("number")
    fields: dict[str, Any] = {
        "for": _one_line(told.person),
        "name": _one_line(told.name),
        "name_confirmed": "name" in sure,
        "number": number,
        "number_confirmed": "number" in sure,
        "concern": _one_line(told.concern),
        "concern_confirmed": "concern" in sure,
        "language": facts.language,
    }
    notice = Notice(
        key=f"{facts.call_sid}-{facts.key}",
        call_sid=facts.call_sid,
        kind=told.kind,
        subject=_subject(facts.agent, told.kind, fields["name"] or number),
        text=_text(facts.agent, fields),
        fields=fields,
    )
    await outbox.put(notice, facts.agent.name)
    record = {name: fields[name] for name in ("for", "name", "number", "concern")}
    record |= {"kind": told.kind, "key": notice.key, "confirmed": ["kind", "for", "key", *sorted(sure)]}
    return ToolAnswer("kept: the message is passed on", record=record)


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _subject(agent: Agent, kind: str, who: str) -> str:
    labels = _LABELS[agent.languages[0].code]
    return f"{labels[6 if kind == 'call-back' else 5]} {who}"


def _text(agent: Agent, fields: dict[str, Any]) -> str:
    labels = _LABELS[agent.languages[0].code]
    rows = []
    for label, name in zip(labels[:4], ("for", "name", "number", "concern"), strict=True):
        unsure = f" ({labels[4]})" if fields.get(f"{name}_confirmed") is False else ""
        if fields[name]:
            rows.append(f"{label}: {fields[name]}{unsure}")
    return "\n".join(rows)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connects the caller with one of the agent's people. A model can say a name and nothing else: never a number."""

    company: Company
    arguments: type[msgspec.Struct]
    name: str = "transfer_to"
    description: str = (
        "Connect the caller with one of the people listed, when they ask for it. The call then leaves you."
    )
    deadline_s: float = DEADLINE_S
    outside: bool = False
    care: Care = CAREFREE

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        wanted: str = msgspec.to_builtins(arguments)["person"]
        if all(person.name != wanted for person in facts.agent.people):
            return ToolAnswer("Nobody of that name can be reached. Offer to take a message.", error="unknown-person")
        if not self.company.is_open(facts.now):
            return ToolAnswer("The company is closed now. Say so and offer to take a message.", error="closed")
        return ToolAnswer("connecting", (TransferTo(wanted),))


@dataclass(frozen=True, slots=True)
class End:
    """Closes the line once everything was heard."""

    name: str = "end_call"
    description: str = "End the call, after you said goodbye, when the caller has nothing more."
    arguments: type[msgspec.Struct] = Nothing
    deadline_s: float = DEADLINE_S
    outside: bool = False
    care: Care = CAREFREE

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        del arguments, facts
        return ToolAnswer("ending", (EndCall(),))


@dataclass(frozen=True, slots=True)
class Search:
    """Looks something up in the company's pages."""

    company: Company
    name: str = "knowledge_search"
    description: str = "Look something up in the company's pages when what you have does not answer the question."
    arguments: type[msgspec.Struct] = Question
    deadline_s: float = DEADLINE_S
    outside: bool = False
    care: Care = CAREFREE

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        question: str = msgspec.to_builtins(arguments)["question"]
        await self.company.understand(question)
        pages = self.company.search(question, facts.language)
        if not pages:
            return ToolAnswer("The pages say nothing about it. Say so and offer to take a message.")
        return ToolAnswer("\n".join(f"{page.source}: {page.text}" for page in pages))


@dataclass(frozen=True, slots=True)
class Switch:
    """Goes on in another language of the agent."""

    arguments: type[msgspec.Struct]
    name: str = "change_language"
    description: str = "Go on in another language when the caller speaks or asks for it. Use it alone, without words."
    deadline_s: float = DEADLINE_S
    outside: bool = False
    care: Care = CAREFREE

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port."""
        code: str = msgspec.to_builtins(arguments)["language"]
        if code == facts.language:
            return ToolAnswer("You already speak it. Just go on.")
        return ToolAnswer("changed", (ChangeLanguage(code),))


def built_in(agent: Agent, company: Company, outbox: Outbox) -> Callable[[], list[Tool]]:
    """Makes each call its own tools: those that an agent's own set-up makes sense of."""
    shared: list[Tool] = [End(), Search(company)]
    if agent.people:
        names = tuple(person.name for person in agent.people)
        shared.append(Transfer(company, msgspec.defstruct("TransferTo", [("person", Literal[names])])))
    if len(agent.languages) > 1:
        codes = tuple(setup.code for setup in agent.languages)
        shared.append(Switch(msgspec.defstruct("ChangeLanguage", [("language", Literal[codes])])))
    return lambda: [TakeMessage(outbox, agent.limits.messages_per_call), *shared]
