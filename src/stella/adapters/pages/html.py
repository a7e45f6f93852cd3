"""Reads HTML as headings and text. What a reader does not see (scripts, styles, menus, hidden parts) is not there.

Runs in a process of its own (`child`): whatever a page does to the parser, it does there.
"""

from __future__ import annotations

import codecs
import re
from html.parser import HTMLParser

_UNSEEN = frozenset({
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "audio", "video", "nav", "footer",
    "aside", "form", "button", "select", "textarea", "title",
})  # fmt: skip
_BLOCKS = frozenset({
    "p", "div", "li", "tr", "br", "hr", "section", "article", "main", "header", "table", "ul", "ol", "dl", "dt", "dd",
    "blockquote", "pre", "figure", "figcaption", "td", "th", "body",
})  # fmt: skip
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)

SECTIONS_MOST, TEXT_MOST = 2_000, 1_000_000


class Reader(HTMLParser):
    """Collects sections; ends quietly at its bounds."""

    def __init__(self) -> None:
        """Nothing was read."""
        super().__init__(convert_charrefs=True)
        self.language = ""
        self.sections: list[tuple[str, str]] = []
        self._heading, self._text = "", [""]
        self._in_heading = ""
        self._unseen, self._depth = "", 0
        self._room = TEXT_MOST

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag opens."""
        if self._unseen:
            self._depth += tag == self._unseen
            return
        given = dict(attrs)
        if tag == "html" and re.fullmatch(r"[A-Za-z]{2}([-_].*)?", given.get("lang") or ""):
            self.language = (given["lang"] or "")[:2].lower()
        style = (given.get("style") or "").replace(" ", "").lower()
        hidden = "hidden" in given or given.get("aria-hidden") == "true" or "display:none" in style
        if (tag in _UNSEEN or hidden) and tag not in _VOID and tag not in ("html", "body"):
            self._unseen, self._depth = tag, 1
        elif tag in _HEADINGS:
            self._flush()
            self._in_heading = tag
        elif tag in _BLOCKS:
            self._text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        """A tag closes."""
        if self._unseen:
            self._depth -= tag == self._unseen
            if self._depth <= 0:
                self._unseen = ""
        elif tag == self._in_heading:
            self._in_heading = ""
        elif tag in _BLOCKS:
            self._text.append("\n")

    def handle_data(self, data: str) -> None:
        """Words."""
        if self._unseen or self._room <= 0:
            return
        data = data[: self._room]
        self._room -= len(data)
        if self._in_heading:
            self._heading = f"{self._heading} {data}"[:300]
        else:
            self._text.append(re.sub(r"\s+", " ", data))

    def _flush(self) -> None:
        lines = (" ".join(line.split()) for line in "".join(self._text).split("\n"))
        text = "\n".join(line for line in lines if line)
        if (text or self._heading.strip()) and len(self.sections) < SECTIONS_MOST:
            self.sections.append((" ".join(self._heading.split()), text))
        self._heading, self._text = "", [""]

    def close(self) -> None:
        """The page is over."""
        super().close()
        self._flush()


def read(raw: bytes, charset: str = "") -> tuple[str, list[tuple[str, str]]]:
    """Language and sections (heading, text) of a page. `charset` is what its server said."""
    reader = Reader()
    reader.feed(decoded(raw, charset))
    reader.close()
    return reader.language, reader.sections


def decoded(raw: bytes, charset: str = "") -> str:
    """Text of bytes: as the server says, as the page says, else UTF-8; what cannot be read is replaced."""
    said = _CHARSET.search(raw[:2048])
    for name in (charset, said[1].decode("ascii", "ignore") if said else "", "utf-8"):
        if not name:
            continue
        try:
            if not codecs.lookup(name)._is_text_encoding:  # noqa: SLF001 `zip` and the like are codecs too
                continue
            return raw.decode(name, "replace")
        except (LookupError, ValueError):
            continue
    return raw.decode("utf-8", "replace")
