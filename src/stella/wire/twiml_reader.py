"""TwiML read as strictly as Twilio reads it, for the telephone that obeys it.

Spec: https://www.twilio.com/docs/voice/twiml, https://www.twilio.com/docs/api/errors/12100
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from stella.domain.errors import MalformedMessage

PARSE_FAILURE: Final = "12100"
MAX_DOCUMENT: Final = 65_536
_MAX_DEPTH: Final = 16
_MAX_ELEMENTS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Verb:
    """One element: `Say`, `Connect`, `Number`, … Names and attributes are case-sensitive; unknown ones are kept.

    `text` is what stands directly inside it, in order, with the words of nested elements (SSML) left out of it.
    """

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple[Verb, ...] = ()

    def get(self, attribute: str, default: str = "") -> str:
        """An attribute, or `default` where it is not there."""
        return self.attributes.get(attribute, default)

    def child(self, name: str) -> Verb | None:
        """The first child of that name."""
        return next((verb for verb in self.children if verb.name == name), None)

    def parameters(self) -> dict[str, str]:
        """`<Parameter name value>` children of a `<Stream>`, as `start.customParameters` will have them."""
        return {verb.get("name"): verb.get("value") for verb in self.children if verb.name == "Parameter"}


def parse_document(text: str) -> list[Verb]:
    """The verbs of a TwiML document, in order.

    Raises MalformedMessage (`12100`) for what Twilio cannot parse: XML that is not well formed, a blank before
    `<?xml`, another root than `<Response>`; and for any document type declaration, so that no entity is ever expanded.
    """
    if len(text) > MAX_DOCUMENT:
        raise MalformedMessage(
            f"a TwiML document of {len(text)} characters; the bound is {MAX_DOCUMENT}", PARSE_FAILURE
        )
    root = _Tree().read(text)
    if root.name != "Response":
        raise MalformedMessage(f"the root of the TwiML is <{root.name[:40]}>, not <Response>", PARSE_FAILURE)
    return list(root.children)


@dataclass(slots=True)
class _Open:
    """An element whose end has not been seen."""

    name: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)
    children: list[Verb] = field(default_factory=list)


class _Tree:
    """Builds the tree of one document."""

    def __init__(self) -> None:
        self._stack = [_Open("", {})]
        self._elements = 0

    def read(self, text: str) -> Verb:
        parser = expat.ParserCreate(encoding="utf-8")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._words
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as error:
            raise MalformedMessage(f"the TwiML is not well-formed XML: {error}", PARSE_FAILURE) from None
        except UnicodeEncodeError:
            raise MalformedMessage("the TwiML holds characters that do not exist", PARSE_FAILURE) from None
        return self._stack[0].children[0]

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _MAX_ELEMENTS or len(self._stack) > _MAX_DEPTH:
            raise MalformedMessage("the TwiML has too many elements or nests them too deeply", PARSE_FAILURE)
        self._stack.append(_Open(name, attributes))

    def _end(self, _name: str) -> None:
        done = self._stack.pop()
        verb = Verb(done.name, done.attributes, "".join(done.text).strip(), tuple(done.children))
        self._stack[-1].children.append(verb)

    def _words(self, text: str) -> None:
        self._stack[-1].text.append(text)

    def _doctype(self, *_declaration: object) -> None:
        raise MalformedMessage("the TwiML declares a document type; Twilio's has none", PARSE_FAILURE)
