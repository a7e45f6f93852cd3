"""Write docs/reference/settings.md from the registry of settings, so that the page cannot lie. `make docs` runs it."""

from __future__ import annotations

from pathlib import Path

from stella.app.settings import setting_names

PAGE = Path(__file__).resolve().parent.parent / "docs/reference/settings.md"
HEAD = """# Settings

Read once at the start from the environment; in development from `.env` too, where the environment wins. Everything has a
default that works for trying. An unknown `STELLA_` name or a value that makes no sense stops the start, and says which, why,
and what to do. Switches are 1 or 0. What an agent says and does is not here but in its agent file.

This page is written by `make docs`; change `src/stella/app/settings.py` instead.

| Name | |
|---|---|
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"| `{name}` | {about} |\n" for name, about in setting_names().items())


if __name__ == "__main__":
    PAGE.write_text(page())
