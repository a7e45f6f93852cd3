"""Which addresses go where in Twilio, for this machine, staging and production."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stella.domain.errors import ConfigError

ROOT = "/api/stella/call"
CONSOLE = "https://console.twilio.com/us1/develop/phone-numbers/manage/incoming"
LABEL_MOST = 63
"""A part of a host name has at most 63 characters (RFC 1035); what is longer, the host shortens in its own way."""


@dataclass(frozen=True, slots=True)
class Place:
    """One environment: its name, its base address, a pattern perhaps, and a remark."""

    environment: str
    base: str
    pattern: str = ""
    note: str = ""

    @property
    def voice(self) -> str:
        """The voice webhook."""
        return f"{self.base}{ROOT}/voice"

    @property
    def fallback(self) -> str:
        """What Twilio asks when the voice webhook fails."""
        return f"{self.base}{ROOT}/fallback"

    @property
    def status(self) -> str:
        """The status callback."""
        return f"{self.base}{ROOT}/status"

    def public(self) -> dict[str, Any]:
        """As data; `complete` is false while a {placeholder} stands in it."""
        return {
            "environment": self.environment, "host": self.base.partition("://")[2], "pattern": self.pattern,
            "voice": self.voice, "voice_method": "POST", "fallback": self.fallback, "fallback_method": "POST",
            "status": self.status, "status_method": "POST", "complete": "{" not in self.base, "note": self.note,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What fills the patterns; an empty one stays a placeholder."""

    branch: str = ""
    project: str = ""
    team: str = ""
    site: str = ""


def places(url: str, names: Names, port: int = 3001) -> list[Place]:
    """Every address worth writing down. `url` is the public one (a bare host will do); empty or local: placeholders."""
    base, host = _public(url)
    root = re.sub(r"^(staging|preview-[^.]+)\.", "", host) if host else "{your-host}"
    branch = slug(names.branch) or "{branch}"
    production = base if base and host == root else f"https://{root}"
    local = Place(
        "local", f"http://localhost:{port}", note="for `stella call`; Twilio needs `stella dev --tunnel auto`"
    )
    return [
        local,
        Place("staging", f"https://staging.{root}", "staging.{host}"),
        _checked(f"preview-{branch}.{root}", "preview-{branch}.{host}", "preview"),
        _checked(
            f"{slug(names.project) or '{project}'}-git-{branch}-{slug(names.team) or '{team}'}.vercel.app",
            "{project}-git-{branch}-{team}.vercel.app",
            "Vercel",
        ),
        _checked(f"{branch}--{slug(names.site) or '{site}'}.netlify.app", "{branch}--{site}.netlify.app", "Netlify"),
        Place("production", production),
    ]


def slug(text: str) -> str:
    """As these hosts write a branch: lower case, everything that is no letter or digit a hyphen, none at the ends."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def names_here(folder: Path, *, team: str = "", site: str = "", branch: str = "", project: str = "") -> Names:
    """From git and the files those hosts leave behind; what is given wins, what is unknown stays empty."""
    ask = _git(folder)
    remote = re.sub(r"\.git/?$", "", ask("remote", "get-url", "origin")).rstrip("/")
    top = ask("rev-parse", "--show-toplevel")
    known = re.split(r"[/:]", remote)[-1] or Path(top or folder).resolve().name
    return Names(
        branch or ask("symbolic-ref", "--short", "-q", "HEAD"), project or _vercel(folder) or known, team, site
    )


def _public(url: str) -> tuple[str, str]:
    """Base and host of a public address, or two empty texts. Raises ConfigError for what is none."""
    if not url:
        return "", ""
    whole = (url if "://" in url else f"https://{url}").rstrip("/")
    try:
        parts = urlsplit(whole)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or " " in host:
        raise ConfigError(f"{url!r} is no host: write stella.example.com or https://stella.example.com")
    if host in ("localhost", "::1") or re.fullmatch(r"[0-9.]+", host):
        return "", ""
    return f"https://{parts.netloc.rpartition('@')[2]}{parts.path}", host


def _checked(host: str, pattern: str, who: str) -> Place:
    long = len(host.partition(".")[0]) > LABEL_MOST
    note = f"longer than {LABEL_MOST} characters before the dot: take the address from {who}" if long else ""
    return Place("staging", f"https://{host}", pattern, note)


def _vercel(folder: Path) -> str:
    try:
        found = json.loads((folder / ".vercel/project.json").read_text("utf-8"))
        return str(found.get("projectName") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _git(folder: Path) -> Callable[..., str]:
    def ask(*words: str) -> str:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=5, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout.strip()[:250] if done.returncode == 0 else ""

    return ask
