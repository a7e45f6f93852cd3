"""Checks an agent file's tree against the table of keys, and resolves `{env = "NAME"}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from stella.domain.agent_keys import LANGUAGES, SAYS_MOST, TABLES, WORD_MOST, Key
from stella.domain.errors import AgentFileError
from stella.domain.toml_lines import Path, line_of

_SECRET_KEY = re.compile(r"secret|token|password|passwort|api_?key|auth|credential", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|whsec_\S{16,}|xox[bp]-\S+|AIza\S{30,}|gh[pous]_\w{30,}|[0-9a-f]{32})\b"
)
_ENV_NAME = re.compile(r"[A-Z_][A-Z0-9_]{0,79}")


@dataclass(frozen=True, slots=True)
class Checked:
    """A tree whose every key is known and of the right kind, and where each was written."""

    tree: dict[str, Any]
    file: str
    lines: dict[Path, int]

    def error(self, path: Path, reason: str) -> AgentFileError:
        """An error at the line of a key."""
        return AgentFileError(self.file, line_of(self.lines, path), f"{_spell(path)}: {reason}")


def check(
    tree: dict[str, Any],
    file: str,
    lines: dict[Path, int],
    environ: Mapping[str, str],
    policy_names: Mapping[str, tuple[float, float]],
) -> Checked:
    """Every key known, every value of its kind and within its bounds. Raises AgentFileError."""
    policy = {name: Key("number", "", low=low, high=high) for name, (low, high) in policy_names.items()}
    walker = _Walker(Checked(tree, file, lines), {**TABLES, "policy": policy}, environ)
    return Checked(walker.table(tree, "", ()), file, lines)


def _spell(path: Path) -> str:
    """`languages[2].voice` for people, who count from one."""
    spelled = ""
    for part in path:
        spelled += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if spelled else ''}{part}"
    return spelled


@dataclass(frozen=True, slots=True)
class _Walker:
    checked: Checked
    tables: Mapping[str, Mapping[str, Key]]
    environ: Mapping[str, str]

    def table(self, item: Any, name: str, path: Path) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise self.checked.error(path, "must be a table")
        keys = self.tables[name]
        for key in item:
            if key not in keys:
                raise self.checked.error((*path, key), self._unknown(key, keys))
        for key, spec in keys.items():
            if spec.required and key not in item:
                raise self.checked.error(path, f"`{key}` is missing: {spec.says}")
        return {
            key: self.value(value, keys[key], f"{name}.{key}".lstrip("."), (*path, key)) for key, value in item.items()
        }

    def _unknown(self, key: str, keys: Mapping[str, Key]) -> str:
        if _SECRET_KEY.search(key):
            return 'is not a key of this file; secrets live in the environment and only `secret = {env = "NAME"}` names them'
        near = get_close_matches(key, keys, n=1, cutoff=0.5)
        meant = f"; did you mean `{near[0]}`?" if near else f"; known are {', '.join(keys)}"
        return f"is not a key here{meant}"

    def value(self, value: Any, key: Key, name: str, path: Path) -> Any:
        match key.kind:
            case "table":
                return self.table(value, name, path)
            case "tables":
                items = self._list(value, key, path)
                return [self.table(item, name, (*path, index)) for index, item in enumerate(items)]
            case "texts":
                items = self._list(value, key, path)
                return [self.text(item, key, (*path, index)) for index, item in enumerate(items)]
            case "number":
                return self.number(value, key, path)
            case "spellings":
                return self.spellings(value, key, path)
            case "switch":
                if not isinstance(value, bool):
                    raise self.checked.error(path, "must be true or false, without quotes")
                return value
            case _:
                return self.text(value, key, path)

    def spellings(self, value: Any, key: Key, path: Path) -> dict[str, Any]:
        """Words and how they are written for the voice; a language's own stand one table below."""
        if not isinstance(value, dict):
            raise self.checked.error(path, "must be a table")
        if len(value) > key.most:
            raise self.checked.error(path, f"has {len(value)} words; {key.most} at most")
        whole: dict[str, Any] = {}
        for word, says in value.items():
            where = (*path, word)
            if isinstance(says, dict) and len(path) == 1:
                if word not in LANGUAGES:
                    raise self.checked.error(where, f"is no language; there are {', '.join(LANGUAGES)}")
                whole[word] = self.spellings(says, key, where)
                continue
            if not word.strip() or len(word) > WORD_MOST or not (word[0].isalnum() and word[-1].isalnum()):
                raise self.checked.error(
                    where, f"must be a word that begins and ends with a letter or digit, {WORD_MOST} at most"
                )
            text = self.text(says, key, where)
            if len(text) > SAYS_MOST or not any(sign.isalnum() for sign in text):
                raise self.checked.error(where, f"must be how it is said, with letters, {SAYS_MOST} characters at most")
            whole[word] = text
        return whole

    def _list(self, value: Any, key: Key, path: Path) -> list[Any]:
        if not isinstance(value, list):
            raise self.checked.error(path, "must be a list in [ ]")
        if len(value) > key.most:
            raise self.checked.error(path, f"has {len(value)} items; {key.most} at most")
        if key.required and not value:
            raise self.checked.error(path, "must not be empty")
        return value

    def text(self, value: Any, key: Key, path: Path) -> str:
        named = isinstance(value, dict)
        if named:
            value = self._from_env(value, path)
        if not isinstance(value, str):
            raise self.checked.error(path, "must be a text in quotes")
        if not named and (path[-1] in ("secret", "password") or _SECRET_VALUE.search(value)):
            raise self.checked.error(
                path, 'looks like a secret; keep it in the environment and write {env = "NAME"} here'
            )
        if any(ord(sign) < 32 and sign not in "\n\t" for sign in value):
            raise self.checked.error(path, "has control characters")
        if fault := key.rule(value):
            raise self.checked.error(path, fault)
        return value

    def number(self, value: Any, key: Key, path: Path) -> float | int:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not key.low <= value <= key.high:
            raise self.checked.error(path, f"must be a number from {key.low:g} to {key.high:g}")
        if key.whole and value != int(value):
            raise self.checked.error(path, "must be a whole number")
        return int(value) if key.whole else float(value)

    def _from_env(self, value: dict[str, Any], path: Path) -> str:
        name = value.get("env")
        if set(value) != {"env"} or not isinstance(name, str) or not _ENV_NAME.fullmatch(name):
            raise self.checked.error(path, 'must be a text, or {env = "NAME"}')
        if not self.environ.get(name):
            raise self.checked.error(path, f"{name} is not set in the environment; set it or take the key out")
        return self.environ[name]
