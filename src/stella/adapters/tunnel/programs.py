"""The tunnel programs: how each is called, where it says its address, and what its complaints mean."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from stella.adapters.tunnel import ngrok_sdk


@dataclass(frozen=True, slots=True)
class Program:
    """One way to a public address. `arguments` gets the target (`host:port`) and a folder it may write to."""

    name: str
    binary: str
    arguments: Callable[[str, Path], list[str]]
    address: re.Pattern[str]
    complaints: Mapping[str, str]
    install: str
    deadline_s: float = 30.0
    browser_note: str = ""
    joined: re.Pattern[str] | None = None
    """What it says once the address leads somewhere. Asked for earlier, its name is not known yet, and resolvers
    remember that for minutes."""

    def explain(self, said: str) -> str:
        """What the program's words mean, with the mend; empty where they are not known."""
        return next((mend for words, mend in self.complaints.items() if re.search(words, said, re.IGNORECASE)), "")


def _ngrok(target: str, _folder: Path) -> list[str]:
    return ["http", target, "--log", "stdout", "--log-format", "json"]


def _cloudflared(target: str, folder: Path) -> list[str]:
    # A config.yml of a tunnel of the person's own would be obeyed here too, and swallow every request.
    own = folder / "cloudflared.yml"
    own.write_text("{}\n", encoding="utf-8")
    return ["tunnel", "--no-autoupdate", "--config", str(own), "--url", f"http://{target}"]


def _localtunnel(target: str, _folder: Path) -> list[str]:
    host, _, port = target.rpartition(":")
    # --local-host would also replace the Host header, so it is given only where it must be.
    return ["--yes", "localtunnel", "--port", port, *([] if host == "127.0.0.1" else ["--local-host", host])]


NGROK: Final = Program(
    name="ngrok",
    binary="ngrok",
    arguments=_ngrok,
    address=re.compile(r'started tunnel.*"url":"(https?://[^"]+)"|started tunnel.*\burl=(https?://\S+)'),
    complaints={
        "ERR_NGROK_(4018|302)": "ngrok wants an account: set NGROK_AUTHTOKEN (https://dashboard.ngrok.com, free)",
        "ERR_NGROK_(105|107)": "NGROK_AUTHTOKEN is wrong or was reset; copy it again from https://dashboard.ngrok.com",
        "ERR_NGROK_108": "another ngrok of this account is running and the plan allows one; end that one first",
        "ERR_NGROK_334": "this address is in use by another ngrok of the account; end that one first",
        "ERR_NGROK_(120|121)": "this ngrok is too old; run `ngrok update`",
    },
    install="install it from https://ngrok.com/download and set NGROK_AUTHTOKEN",
    browser_note="Browsers are shown a page of ngrok's first; Twilio is not.",
)
NGROK_SDK: Final = replace(NGROK, binary=sys.executable, arguments=lambda target, _folder: [ngrok_sdk.__file__, target])
CLOUDFLARED: Final = Program(
    name="cloudflared",
    binary="cloudflared",
    arguments=_cloudflared,
    address=re.compile(r"\|\s+(https?://[^\s|]+)\s+\|"),
    complaints={
        "429|error code: 1015": "Cloudflare gives no more quick tunnels for now; wait some minutes or use another tunnel",
        "failed to request quick tunnel|no such host|i/o timeout": "cloudflared does not reach Cloudflare: network, "
        "firewall or proxy",
    },
    install="install it from https://github.com/cloudflare/cloudflared (no account needed)",
    joined=re.compile(r"Registered tunnel connection"),
)
LOCALTUNNEL: Final = Program(
    name="localtunnel",
    binary="npx",
    arguments=_localtunnel,
    address=re.compile(r"your url is:\s+(https?://\S+)", re.IGNORECASE),
    complaints={
        "connection refused|ECONNREFUSED|tunnel server offline": "localtunnel's server is down, as happens; use "
        "cloudflared or ngrok",
        "E404|ENOTFOUND|EAI_AGAIN|network": "npx cannot fetch localtunnel: network or proxy",
    },
    install="install Node.js, whose npx fetches it",
    deadline_s=90.0,
    browser_note="Browsers are asked for a tunnel password first (your public IP: https://loca.lt/mytunnelpassword); "
    "Twilio is not.",
)
