"""Writes the page of policy numbers from the code: `python docs/draw_policy.py > docs/reference/policy.md`."""

from __future__ import annotations

from dataclasses import fields

from stella.conversation.policy import Policy


def page() -> str:
    """Every number with its default, unit, bounds and effect."""
    lines = [
        "# Policy numbers",
        "",
        "Made by `docs/draw_policy.py` from `stella.conversation.policy.Policy`; do not edit. An agent file sets them under",
        "`[policy]`; what it leaves out keeps its default. An unknown name or a value out of bounds is refused with the",
        "right name and the bounds. [How a call takes turns](../why/turn-taking.md) shows them at work.",
        "",
        "| number | default | unit | from | to | effect |",
        "|---|---|---|---|---|---|",
    ]
    for each in fields(Policy):
        told = each.metadata
        cells = (
            f"`{each.name}`",
            f"{each.default:g}",
            told["unit"],
            f"{told['low']:g}",
            f"{told['high']:g}",
            told["effect"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
