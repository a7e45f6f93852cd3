"""A brain of one's own: an async function that is handed what the caller said, and answers in words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import msgspec

from stella.domain.acts import Act, BeganTool, ChangeLanguage, EndCall, ExpectAnswer, TransferTo, UsedTool
from stella.domain.call import ToolUse
from stella.domain.transcript import Turn
from stella.ports.brain import Asked, CallFacts
from stella.ports.company import Company, Page
from stella.ports.language import ToolCall, ToolSpec


class Outcome(Protocol):
    """What came of using a tool: words for whoever asked, and what happens in the call."""

    @property
    def text(self) -> str:
        """For whoever asked."""

    @property
    def acts(self) -> tuple[Act, ...]:
        """For the conversation and the record."""

    @property
    def ask(self) -> str:
        """What the caller must say yes to first; the turn ends behind it."""


class Toolbox(Protocol):
    """One call's tools. Using one never raises; what goes wrong is told in words."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What there is."""

    async def use(self, call: ToolCall) -> Outcome:
        """Use a tool with checked arguments, within its deadline."""


@dataclass(slots=True)
class Talk:
    """What the caller just did, and everything an answer may need. Made anew for every turn.

    `text` was said (`silent`: nothing was), `digits` were pressed. `heard` is the talk so far, ours cut to what the caller
    really heard. `memory` is yours: what JSON can hold stays for the call, 8 kB of it. `begun` is what another brain
    already said of this reply before it failed.
    """

    asked: Asked
    heard: tuple[Turn, ...]
    call: CallFacts
    language: str
    briefing: str
    memory: dict[str, Any]
    tools: Toolbox
    company: Company
    tell: Callable[[Act], None]
    ask: Callable[[str], None]
    last: list[Act] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What was said, as it was understood."""
        return self.asked.text

    @property
    def digits(self) -> str:
        """What was pressed."""
        return self.asked.digits

    @property
    def silent(self) -> bool:
        """Whether the caller said nothing when it was their turn."""
        return self.asked.silent

    @property
    def begun(self) -> str:
        """What was already said of this reply."""
        return self.asked.begun

    @property
    def caller(self) -> str:
        """The number the call comes from; empty where it is withheld."""
        return self.call.caller

    def search(self, question: str = "") -> Sequence[Page]:
        """What the company's pages say about a question (about what was just said), best first. The record says which."""
        question = question or self.text
        pages = self.company.search(question, self.language)
        self.note("knowledge_search", {"question": question[:200]}, ", ".join(page.source for page in pages))
        return pages

    async def use(self, name: str, **arguments: Any) -> str:
        """Use a tool: one of your own, or `take_message`, `knowledge_search` … What comes of it is told in words.

        Where the tool wants the caller's yes first, the caller is asked and this answer ends; use it again next turn.
        """
        encoded = msgspec.json.encode(arguments).decode()
        self.tell(BeganTool(name[:80]))
        outcome = await self.tools.use(ToolCall(f"own-{name[:40]}", name, encoded))
        for act in outcome.acts:
            if isinstance(act, UsedTool):
                self.tell(act)
            else:
                self.last.append(act)
        if outcome.ask:
            self.ask(outcome.ask)
        return outcome.text

    def note(self, name: str, arguments: Mapping[str, Any], result: str, error: str | None = None) -> None:
        """Write into the call's record that something was done that STELLA cannot see."""
        use = ToolUse(name[:80], dict(arguments), result[:4000], error=error)
        self.tell(UsedTool(use))

    def spend(self, what: str, amount: float) -> None:
        """Add to the call's cost, such as `brain_usd` or `brain_tokens_sent`."""
        self.call.spend(what, amount)

    def hang_up(self) -> None:
        """End the call once this answer was heard."""
        self.last.append(EndCall())

    def transfer_to(self, name: str) -> None:
        """Connect the caller with one of the agent's people once this answer was heard. Raises ValueError for others."""
        if all(person.name != name for person in self.call.agent.people):
            raise ValueError(f"there is nobody called {name!r} among the agent's people")
        self.last.append(TransferTo(name))

    def change_language(self, code: str) -> None:
        """Go on in another of the agent's languages. Raises ValueError for others."""
        if all(setup.code != code for setup in self.call.agent.languages):
            raise ValueError(f"the agent does not speak {code!r}")
        self.last.append(ChangeLanguage(code))

    def expect(self, kind: str, *, max_digits: int = 0, hints: Sequence[str] = ()) -> None:
        """Say what kind of answer this asks for: `yes-no`, `digits`, `name` or `number`. It is then waited for rightly."""
        if kind not in ("open", "yes-no", "digits", "name", "number"):
            raise ValueError("expect open, yes-no, digits, name or number")
        self.tell(ExpectAnswer(kind, max_digits=max_digits, hints=tuple(hints)))


Answer: TypeAlias = Callable[[Talk], Awaitable[str] | AsyncIterator[str]]
"""`async def answer(talk: Talk) -> str`, or an async generator that yields the words as they come."""
