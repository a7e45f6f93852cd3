"""Reads PDF as text by the page, with pypdf. Runs in a process of its own (`child`).

https://pypdf.readthedocs.io/en/stable/user/extract-text.html
"""

from __future__ import annotations

import io
import re

PAGES_MOST, TEXT_MOST = 300, 1_000_000


class Unreadable(Exception):
    """It cannot be read; the text is a stable word."""


def read(raw: bytes) -> list[tuple[str, str, str]]:
    """Sections (heading, text, place), one a page. Raises Unreadable, or whatever pypdf raises over a broken file."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(raw), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("encrypted")
    sections: list[tuple[str, str, str]] = []
    room = TEXT_MOST
    for number, page in enumerate(reader.pages, 1):
        if number > PAGES_MOST or room <= 0:
            break
        text = tidy(page.extract_text()[:room])
        room -= len(text)
        if text:
            sections.append(("", text, f"page {number}"))
    if not sections:
        raise Unreadable("no-text")
    return sections


def tidy(text: str) -> str:
    """Lines of print as paragraphs: words that were hyphenated are whole again."""
    text = re.sub(r"(?<=[a-zäöüß])[-\u00ad]\n(?=[a-zäöüß])", "", text)
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n".join(line for paragraph in paragraphs if (line := " ".join(paragraph.split())))
