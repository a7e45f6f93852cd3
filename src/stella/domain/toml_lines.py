"""Where in a TOML text a key was written. `tomllib` forgets it; a person who must mend the file needs it."""

from __future__ import annotations

import re
from collections import Counter

Path = tuple[str | int, ...]
"""A key's place: names of tables and keys, numbers for the items of `[[arrays of tables]]`."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=(.*)""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def key_lines(text: str) -> dict[Path, int]:
    """Every key and table of a valid TOML text with its line, counted from 1.

    Keys inside an inline table have the line of the key that holds the table: `line_of` finds it by walking up.
    """
    found: dict[Path, int] = {(): 0}
    seen: Counter[Path] = Counter()
    table: Path = ()
    closing = ""
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        if depth > 0:
            depth += _brackets(line)
            continue
        if header := _HEADER.match(line):
            table = _enter(_parts(header[2]), header[1], seen)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key[1])), number)
            closing = _opens(key[2])
            depth = 0 if closing else max(0, _brackets(key[2]))
    return found


def line_of(lines: dict[Path, int], path: Path) -> int:
    """The line of a key, or of the nearest thing around it that has one; 0 for the whole file."""
    while path not in lines and path:
        path = path[:-1]
    return lines.get(path, 0)


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _enter(names: Path, brackets: str, seen: Counter[Path]) -> Path:
    """Numbers in a header's path: `[languages.phrases]` after the second `[[languages]]` belongs to item 1."""
    path: Path = ()
    for index, name in enumerate(names):
        path = (*path, name)
        if brackets == "[[" and index == len(names) - 1:
            seen[path] += 1
        if seen[path]:
            path = (*path, seen[path] - 1)
    return path


def _opens(rest: str) -> str:
    for quotes in ('"""', "'''"):
        if rest.count(quotes) % 2:
            return quotes
    return ""


def _brackets(line: str) -> int:
    """How many more brackets open than close, outside strings and comments."""
    bare = re.sub(r"""\"(?:\\.|[^"\\])*\"|'[^']*'|#.*""", "", line)
    return bare.count("[") + bare.count("{") - bare.count("]") - bare.count("}")
