"""Which tunnel: the one that is asked for, or the first that would work on this machine."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stella.adapters.tunnel.programs import CLOUDFLARED, LOCALTUNNEL, NGROK, NGROK_SDK, Program
from stella.domain.errors import ConfigError

TUNNELS: Final[Mapping[str, Program]] = {each.name: each for each in (NGROK, CLOUDFLARED, LOCALTUNNEL)}
_NGROK_FILES = (".config/ngrok/ngrok.yml", "Library/Application Support/ngrok/ngrok.yml", ".ngrok2/ngrok.yml")


def choose(word: str, environ: Mapping[str, str]) -> list[Program]:
    """The programs to try in turn for `auto`, `ngrok`, `cloudflared` or `localtunnel`, at least one.

    Raises ConfigError with what to install.
    """
    path = environ.get("PATH", "")
    if word in TUNNELS:
        if there := _here(TUNNELS[word], path):
            return [there]
        raise ConfigError(f"{TUNNELS[word].binary} is not on the PATH: {TUNNELS[word].install}")
    if word != "auto":
        raise ConfigError(f"--tunnel {word}: use auto, {', '.join(TUNNELS)}")
    found = [there for each in TUNNELS.values() if (there := _here(each, path))]
    found = [each for each in found if each.name != "ngrok" or _has_token(environ)]
    if not found:
        ways = "; ".join(f"{each.name}: {each.install}" for each in TUNNELS.values())
        raise ConfigError(f"there is no tunnel program on the PATH that could be used. {ways}.")
    return found


def _here(program: Program, path: str) -> Program | None:
    """The program if it is on the PATH; ngrok's library where only that is installed."""
    if shutil.which(program.binary, path=path):
        return program
    return NGROK_SDK if program is NGROK and importlib.util.find_spec("ngrok") else None


def _has_token(environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("HOME") or "/nowhere")
    return bool(environ.get("NGROK_AUTHTOKEN")) or any((home / each).is_file() for each in _NGROK_FILES)
