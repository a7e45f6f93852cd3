"""Writes the tables of numbers in `docs/why/*.md` from the code: `python docs/draw_behaviours.py`.

A page says which numbers it tells of by `<!-- policy: name name -->`; what follows up to `<!-- end -->` is made here.
"""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from stella.conversation.policy import Policy

PAGES = Path(__file__).parent / "why"
_BLOCK = re.compile(r"<!-- policy: ([a-z_ ]+) -->\n.*?<!-- end -->", re.DOTALL)


def table(names: list[str]) -> str:
    """The numbers with default, unit, bounds and effect. Raises KeyError for one that is not in the policy."""
    known = {each.name: each for each in fields(Policy)}
    lines = ["| number | default | unit | from | to | effect |", "|---|---|---|---|---|---|"]
    for name in names:
        told = known[name].metadata
        lines.append(
            f"| `{name}` | {known[name].default:g} | {told['unit']} | {told['low']:g} | {told['high']:g} | {told['effect']} |"
        )
    return "\n".join(lines)


def drawn(page: str) -> str:
    """A page with its tables made anew."""
    return _BLOCK.sub(
        lambda found: f"<!-- policy: {found[1]} -->\n{table(found[1].split())}\n<!-- end -->",
        page,
    )


def told(page: str) -> list[str]:
    """The numbers a page tells of."""
    return [name for names in _BLOCK.findall(page) for name in names.split()]


if __name__ == "__main__":
    for path in PAGES.glob("*.md"):
        text = path.read_text("utf-8")
        if told(text):
            path.write_text(drawn(text), "utf-8")
