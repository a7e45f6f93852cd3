"""One HTTP tool: the model fills in parameters; method, host and headers are the agent file's and cannot be changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from stella.adapters.http_tool.connection import ForbiddenAddress, ToolSessions
from stella.domain.agent import HttpToolSetup, ToolParameter
from stella.ports.failure import Rejected, Unavailable
from stella.ports.tool import ToolAnswer, ToolFacts, care_of

ANSWER_MOST = 64_000
"""Bytes of an answer; more is refused, because half an answer may be read as a whole one."""
TEXT_MOST = 500

_READABLE = ("text/", "application/json", "application/xml")


class HttpTool:
    """Keeps `Tool` for one `[[tools]]` of an agent file."""

    def __init__(self, setup: HttpToolSetup, sessions: ToolSessions) -> None:
        """The sessions are the process's."""
        self.name, self.description, self.deadline_s = setup.name, setup.description, setup.deadline_s
        self.outside = setup.method != "GET"
        # Of these RFC 9110 §9.2.2 promises that twice is once.
        self.care = care_of(setup.care, repeats=setup.method in ("PUT", "DELETE"))
        self.arguments: type[msgspec.Struct] = arguments_of(setup)
        self._setup = setup
        self._session = sessions.private if setup.network == "private" else sessions.public

    async def use(self, arguments: msgspec.Struct, facts: ToolFacts) -> ToolAnswer:
        """As the port. No redirect is followed: it would lead where nobody looked."""
        given = {name: value for name, value in msgspec.to_builtins(arguments).items() if value is not None}
        url, rest = self._filled(given)
        headers = {"user-agent": "STELLA", **dict(self._setup.headers)}
        if self.outside:
            headers["idempotency-key"] = facts.key
        body: bytes | None = None
        if self._setup.method in ("GET", "DELETE"):
            query = {name: _spelled(value) for name, value in rest.items()}
            target = URL(url, encoded=True)
            target = target.update_query(query) if query else target
        else:
            target = URL(url, encoded=True)
            body = msgspec.json.encode(rest)
            headers["content-type"] = "application/json"
        try:
            async with self._session.request(
                self._setup.method, target, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return await _read(self.name, answer)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            if is_forbidden(fault):
                raise Rejected(self.name, "forbidden-address") from None
            if not isinstance(fault, (aiohttp.ClientConnectorError, aiohttp.InvalidURL)):
                raise Unavailable(self.name, "no-answer", type(fault).__name__) from None
            raise Unavailable(self.name, "unreachable", type(fault).__name__) from None

    def _filled(self, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The address with its places filled in, and the parameters that have no place in it."""
        url, rest = self._setup.url, {}
        for name, value in given.items():
            place = "{" + name + "}"
            if place not in url:
                rest[name] = value
                continue
            text = _spelled(value)
            if text.strip() in ("", ".", ".."):
                # A path would be another one.
                raise Rejected(self.name, "arguments")
            url = url.replace(place, quote(text, safe=""))
        if "{" in url:
            raise Rejected(self.name, "arguments")
        return url, rest


def is_forbidden(fault: BaseException) -> bool:
    """Whether a connection failed because its address is not for tools."""
    seen: list[BaseException | None] = [fault, fault.__cause__, fault.__context__, getattr(fault, "os_error", None)]
    nested = [inner for each in seen for inner in getattr(each, "exceptions", ())]
    return any(isinstance(each, ForbiddenAddress) for each in (*seen, *nested))


async def _read(name: str, answer: aiohttp.ClientResponse) -> ToolAnswer:
    if not 200 <= answer.status < 300:
        answer.close()
        return ToolAnswer(
            f"It answered with the error {answer.status}. Tell the caller that it did not work.",
            # A server that fails may have done it before it failed; one that is too busy has not.
            error="outcome-unknown" if answer.status >= 500 and answer.status != 503 else f"http-{answer.status}",
        )
    if answer.status == 204:
        return ToolAnswer("done")
    if not answer.content_type.startswith(_READABLE) and not answer.content_type.endswith("+json"):
        answer.close()
        raise Rejected(name, "content-type")
    raw = bytearray()
    async for piece in answer.content.iter_any():
        raw += piece
        if len(raw) > ANSWER_MOST:
            answer.close()
            raise Rejected(name, "answer-size")
    return ToolAnswer(raw.decode("utf-8", "replace") or "done")


def _spelled(value: Any) -> str:
    return {True: "true", False: "false"}.get(value, "") if isinstance(value, bool) else str(value)


def arguments_of(setup: HttpToolSetup) -> type[msgspec.Struct]:
    """The parameters as a type that checks them."""
    ordered = sorted(setup.parameters, key=lambda each: not each.required)
    fields: list[Any] = [
        (each.name, _type_of(each)) if each.required else (each.name, _type_of(each) | None, None) for each in ordered
    ]
    return msgspec.defstruct(f"Arguments_{setup.name}", fields)


def _type_of(parameter: ToolParameter) -> Any:
    says = parameter.says or None
    if parameter.choices:
        return Annotated[Literal[parameter.choices], msgspec.Meta(description=says)]
    match parameter.kind:
        case "number":
            return Annotated[float, msgspec.Meta(description=says)]
        case "whole":
            return Annotated[int, msgspec.Meta(description=says)]
        case "yes-no":
            return Annotated[bool, msgspec.Meta(description=says)]
        case _:
            return Annotated[str, msgspec.Meta(max_length=TEXT_MOST, description=says)]
