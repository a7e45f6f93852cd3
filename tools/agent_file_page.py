"""Write docs/reference/agent-file.md out of the validator's own table of keys.

What the page says is what is checked; a test compares the two.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from stella.conversation.policy import Policy
from stella.domain.agent_keys import TABLES, Key

PAGE = Path(__file__).parents[1] / "docs/reference/agent-file.md"

HEAD = """\
# The agent file

An agent file says who answers a number: languages and words, hours, people, where messages go. `STELLA_AGENT` names a file,
a folder of them (one per number, told apart by `numbers`), or a built-in agent: `receptionist` (the default) or `bench`.

A file is checked as a whole. What is wrong is refused with file, line, reason and, for a key that does not exist, the nearest
one that does. A changed file or knowledge page takes effect within seconds; calls under way keep what they began with, and a
broken change is logged and the old version stays.

```toml
name = "office"
company = "Muster GmbH"
numbers = ["+4315550100"]
preset = "disclose"
knowledge = "pages"
countries = ["AT"]

[[languages]]
code = "de"
greeting = "Was kann ich für Sie tun?"

[[languages]]
code = "en"

[[people]]
name = "Anna Berger"
also = ["Buchhaltung", "accounting"]
number = "+4315550101"

[[tools]]
name = "order_state"
description = "Says where an order is. Ask the caller for its number first."
url = "https://shop.example/api/orders/{number}"

[[tools.parameters]]
name = "number"
says = "The order's number, digits only."

[hours]
zone = "Europe/Vienna"
holidays = "AT"
weekdays = ["09:00-12:00", "13:00-17:00"]
friday = ["09:00-12:00"]
closed = ["2026-12-24/2026-12-31"]

[[notify]]
kind = "email"
to = "office@example.com"
```

Any text may be `{env = "NAME"}`: then it is read from the environment at the start, and must be there. Secrets may be given
in no other way. `{company}` in a phrase is replaced by the company's name.

This page is written by `tools/agent_file_page.py`; change `src/stella/domain/agent_keys.py` instead.
"""

TITLES = {
    "": "Top of the file",
    "languages": "`[[languages]]`",
    "languages.phrases": "`[languages.phrases]`",
    "engines": "`[engines]`",
    "vocabulary": "`[vocabulary]`",
    "people": "`[[people]]`",
    "hours": "`[hours]`",
    "tools": "`[[tools]]`",
    "tools.parameters": "`[[tools.parameters]]`",
    "tools.headers": "`[[tools.headers]]`",
    "sms": "`[sms]`",
    "booking": "`[booking]`",
    "booking.services": "`[[booking.services]]`",
    "mcp": "`[[mcp]]`",
    "mcp.headers": "`[[mcp.headers]]`",
    "mcp.environment": "`[[mcp.environment]]`",
    "notify": "`[[notify]]`",
    "limits": "`[limits]`",
}

NOTES = {
    "limits": "What the caps in money count, and what callers hear when one is used up: "
    "[what it costs](engines.md#what-it-costs).",
    "languages": "The words before the call (that a machine speaks, and `consent_text`) may have 400 characters together. "
    "Without `consent_text` the environment's `STELLA_CONSENT_TEXT_DE` or `_EN` is said, and without that what fits the preset.",
    "languages.phrases": "Every phrase has a built-in wording in German and English (`src/stella/domain/phrases.py`). "
    "`no_input` is a list: asked one after the other while nobody speaks.",
    "people": "Callers are connected by name only; no number a caller says is ever dialled. Premium, shared-cost, satellite and "
    "emergency numbers are refused whatever `countries` says.",
    "engines": "Names and what each needs: [engines](engines.md). Behind every language model stands the receptionist.",
    "mcp": "For language models: [use MCP servers](../how-to/use-mcp-servers.md).",
    "tools": "For language models; the receptionist uses none. Built in are `take_message`, `transfer_to`, `end_call`, "
    "`knowledge_search` and `change_language`. An address is fixed but for its parameters, no redirect is followed, and what "
    "leads to your own network is refused unless `network` says `private`. What changes something carries an "
    "`idempotency-key` and is sent once a call for the same arguments.",
    "hours": "Without any opening span the agent counts as always open. Outside the hours it says so and takes a message.",
}

TAIL = """\
## Knowledge pages

A folder of Markdown files (`*.md`, UTF-8, 500 pages of at most 500 kB). Each heading begins a piece of its own; a
caller hears the first two sentences of the piece that fits the question, or what a comment says:

```markdown
---
language: en
---
# Parking
<!-- say: There is a public car park close by. -->
The street is a short-term parking zone …
```

Without `language` in the front matter the words of each piece tell. Words that callers use and the page does not can stand in
the text when a `say` comment says what is heard. What no page speaks about is answered honestly, and a message is offered.
"""


def kind(key: Key) -> str:
    """A key's kind in words."""
    if key.kind == "number":
        return f"{'whole number' if key.whole else 'number'}, {key.low:g} to {key.high:g}"
    words = {
        "text": "text",
        "texts": "list of texts",
        "switch": "true or false",
        "table": "table",
        "tables": "list of tables",
        "spellings": "table of words",
    }
    return words[key.kind]


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, keys in TABLES.items():
        rows = [
            f"| `{word}`{' (required)' if key.required else ''} | {kind(key)} | {key.says} |"
            for word, key in keys.items()
        ]
        note = f"{NOTES[name]}\n\n" if name in NOTES else ""
        parts.append(f"## {TITLES[name]}\n\n{note}| Key | Kind | Meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    numbers = [
        f"| `{number.name}` | {number.default:g} {number.metadata['unit']} | {number.metadata['low']:g} to "
        f"{number.metadata['high']:g} | {number.metadata['effect']} |"
        for number in fields(Policy)
    ]
    parts.append(
        "## `[policy]`\n\nThe numbers of the turn-taking, for those who measure.\n\n| Number | Built in | Bounds | Effect |\n"
        "|---|---|---|---|\n" + "\n".join(numbers) + "\n"
    )
    return "\n".join([*parts, TAIL])


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
