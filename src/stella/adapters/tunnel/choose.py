"""Which tunnel: the one that is asked for, or the first that would work on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from stella.adapters.tunnel.programs import CLOUDFLARED, LOCALTUNNEL, NGROK, Program
from stella.domain.errors import ConfigError

TUNNELS: Final[Mapping[str, Program]] = {each.name: each for each in (NGROK, CLOUDFLARED, LOCALTUNNEL)}
_NGROK_FILES = (".config/ngrok/ngrok.yml", "Library/Application Support/ngrok/ngrok.yml", ".ngrok2/ngrok.yml")


def choose(word: str, environ: Mapping[str, str]) -> list[Program]:
    """The programs to try in turn for `auto`, `ngrok`, `cloudflared` or `localtunnel`, at least one.

    Raises ConfigError with what to install.
    """
    path = environ.get("PATH", "")
    if word in TUNNELS:
        program = TUNNELS[word]
        if not shutil.which(program.binary, path=path):
            raise ConfigError(f"{program.binary} is not on the PATH: {program.install}")
        return [program]
    if word != "auto":
        raise ConfigError(f"--tunnel {word}: use auto, {', '.join(TUNNELS)}")
    there = [each for each in TUNNELS.values() if shutil.which(each.binary, path=path)]
    found = [each for each in there if each is not NGROK or _has_token(environ)]
    if not found:
        ways = "; ".join(f"{each.name}: {each.install}" for each in TUNNELS.values())
        raise ConfigError(f"there is no tunnel program on the PATH that could be used. {ways}.")
    return found


def _has_token(environ: Mapping[str, str]) -> bool:
    home = Path(environ.get("HOME") or "/nowhere")
    return bool(environ.get("NGROK_AUTHTOKEN")) or any((home / each).is_file() for each in _NGROK_FILES)
