"""Makes what a model wrote fit for the ear: no Markdown, no tags, no addresses; as it grows, without waiting."""

from __future__ import annotations

import re

HOLD_MOST = 300
"""Characters of an unfinished link or tag that are held back; what is longer is not one."""

_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_NOTE = re.compile(r"\[[^\]\n]*\]")
"""Ours, when a model reads them aloud against its instructions."""
_TAG = re.compile(r"</?[A-Za-z][^<>\n]*>")
_ADDRESS = re.compile(r"https?://(?:www\.)?([^\s/?#]+)[^\s]*")
_MARKS = re.compile(r"[*`#|~^{}\\]|^\s*[-+•]\s+|__+", re.MULTILINE)
_OPEN = re.compile(r"!?\[[^\]\n]*(?:\](?:\([^)\n]*)?)?$|<[^<>\n]*$|\S+$")
"""What may still become a link or a tag; and the last word, which may become an address. Speech is made of sentences, so
nothing is later for it."""


class PlainSpeech:
    """Feed pieces, get what can be said of them; `flush` gives what was held back."""

    def __init__(self) -> None:
        """Nothing is held back."""
        self._held = ""

    def feed(self, piece: str) -> str:
        """What is certain by now."""
        text = _TAG.sub("", _LINK.sub(r"\1", self._held + piece))
        unfinished = _OPEN.search(text)
        at = unfinished.start() if unfinished and len(text) - unfinished.start() <= HOLD_MOST else len(text)
        self._held = text[at:]
        return plain(text[:at])

    def flush(self) -> str:
        """What is left."""
        rest, self._held = plain(self._held), ""
        return rest


def plain(text: str) -> str:
    """A text without its marks. Spaces stay as they are: pieces are joined."""
    if not text:
        return ""
    text = _ADDRESS.sub(r"\1", _TAG.sub("", _LINK.sub(r"\1", text)))
    text = _MARKS.sub("", _NOTE.sub("", text))
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
