"""`stella dev --tunnel`: a server, the tunnel to it, and perhaps a number that rings it, all ending together."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from stella.adapters.tunnel import NotReached, Program, Tunnel, choose, open_tunnel, reach
from stella.adapters.twilio import NumberSettings, Wanted, changes
from stella.app.leftovers import put_back
from stella.app.numbers_desk import NumbersDesk, desk_of
from stella.app.reload import run_reloading
from stella.app.settings import SETTINGS, Settings
from stella.app.tunnel_show import show_open
from stella.domain.errors import ConfigError
from stella.ports.failure import ProviderError, Unavailable

REACH_S = 60.0
"""After so long without an answer through the tunnel the reason is said; the tries go on."""

LOOK_S = 0.5
AGAIN_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""How long to wait before opening a tunnel that died again; the last for good."""


@dataclass(frozen=True, slots=True)
class TunnelWishes:
    """`kind` is auto or a tunnel's name; `connect` sets `number` (or TWILIO_NUMBER) to it."""

    kind: str
    connect: bool = False
    number: str = ""
    watch: bool = True


def run_tunnelled(settings: Settings, wishes: TunnelWishes, command: Sequence[str], dotenv: Mapping[str, str]) -> int:
    """Until Ctrl-C; the exit code is the server's. Raises ConfigError before anything is open or changed."""
    if not settings.auth_tokens:
        raise ConfigError(
            "--tunnel puts STELLA on the internet, and without TWILIO_AUTH_TOKEN nobody could be told from Twilio. Set it "
            "(Twilio console, Account, API keys & tokens) in .env or in the environment."
        )
    console = Console(stderr=True, highlight=False)

    def say(words: str) -> None:
        console.print(words, markup=False, soft_wrap=True)

    environ = {**dotenv, **os.environ}
    programs = choose(wishes.kind, environ)
    target = _target(settings)
    desk = desk_of(settings, say) if wishes.connect else None
    number = _ours(desk, wishes.number) if desk else None
    if settings.public_url:
        say(f"STELLA_PUBLIC_URL ({settings.public_url}) is not used while a tunnel is open.")
    opener = TunnelOpener(programs, target, settings, environ, say)
    keeper = TunnelKeeper(opener, console, desk, number)
    thread = threading.Thread(target=keeper.run, name="tunnel-keeper")
    try:
        keeper.open()
        thread.start()
        return run_reloading(list(command), environ=keeper.environ, watch=wishes.watch, stopping=keeper.stopping)
    finally:
        keeper.stopping.set()
        if thread.ident is not None:
            thread.join()
        keeper.close()


@dataclass(frozen=True, slots=True)
class TunnelOpener:
    """The tunnels to try, in turn, and what they may see: nothing of STELLA's settings but ngrok's own token."""

    programs: Sequence[Program]
    target: str
    settings: Settings
    environ: Mapping[str, str]
    say: Callable[[str], None]

    def open(self) -> Tunnel:
        """The first that opens. Raises Unavailable with the last one's reason."""
        seen = {name: value for name, value in self.environ.items() if name not in SETTINGS}
        token = self.settings.ngrok_authtoken.get_secret_value()
        failed: Unavailable | None = None
        for program in self.programs:
            self.say(f"Opening a tunnel with {program.name} …")
            own = {"NGROK_AUTHTOKEN": token} if program.name == "ngrok" and token else {}
            try:
                return open_tunnel(program, self.target, self.settings.data_dir / "tunnel", {**seen, **own})
            except Unavailable as fault:
                failed = fault
                self.say(fault.detail)
        raise failed or Unavailable("tunnel", "none", "there is no tunnel to open")


class TunnelKeeper:
    """Keeps one tunnel open beside a server, in a thread of its own, and a number set to it."""

    def __init__(
        self, opener: TunnelOpener, console: Console, desk: NumbersDesk | None, number: NumberSettings | None
    ) -> None:
        """`number` as it was before all of this."""
        self.stopping = threading.Event()
        self._opener, self._console, self._desk, self._number = opener, console, desk, number
        self._tunnel: Tunnel | None = None
        self._url = ""

    def environ(self) -> dict[str, str]:
        """What the server must know; another address is another start."""
        return {"STELLA_PUBLIC_URL": self._url}

    def open(self) -> None:
        """Open the first tunnel. Raises ConfigError with every reason said before."""
        try:
            self._tunnel = self._opener.open()
        except Unavailable as fault:
            raise ConfigError(f"no tunnel could be opened. {fault.detail}") from None
        self._url = self._tunnel.url

    def run(self) -> None:
        """Announce, watch, open again; when it is time to stop, put the number back at once, before live calls end."""
        try:
            while not self.stopping.is_set():
                self._announce()
                while self._tunnel and self._tunnel.alive and not self.stopping.wait(LOOK_S):
                    pass
                self._open_again()
        finally:
            self._put_back()

    def close(self) -> None:
        """End the tunnel; the server has ended before."""
        if self._tunnel:
            self._tunnel.close()

    def _announce(self) -> None:
        tunnel = self._tunnel
        if tunnel is None:
            return
        while not self.stopping.is_set() and tunnel.alive:
            try:
                reach(tunnel.url, REACH_S, give_up=lambda: self.stopping.is_set() or not tunnel.alive)
            except NotReached as fault:
                if not self.stopping.is_set() and tunnel.alive:
                    self._opener.say(fault.detail)
                continue
            connected = self._connect(tunnel.url)
            show_open(self._console, tunnel.url, connected, tunnel.program.browser_note)
            return

    def _connect(self, url: str) -> str:
        """Set the number to this address; which number that was, or empty."""
        if self._desk is None or self._number is None:
            return ""
        from stella.app.number_tables import difference_table

        before = self._number
        try:
            now = self._desk.rest.fetch(before.sid)
            # A fallback on the tunnel would die with it; one that is there already may help.
            wanted = Wanted(url, before.settings["voice_fallback_url"]).settings(now)
            difference_table(now, changes(now.settings, wanted), [])
            left = self._desk.change.make(now, wanted, by="dev").left
        except (ProviderError, ConfigError) as fault:
            words = getattr(fault, "detail", "") or str(fault)
            self._opener.say(f"{before.phone_number} is not connected: {words}")
            return ""
        if left:
            self._opener.say(f"{before.phone_number}: Twilio shows {', '.join(each.label for each in left)} otherwise.")
        return before.phone_number

    def _open_again(self) -> None:
        tries = 0
        while not self.stopping.is_set():
            if tries == 0 and self._tunnel:
                self._opener.say(f"The tunnel has ended ({self._tunnel.why()}). Opening it again.")
                self._tunnel.close()
            self.stopping.wait(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
            tries += 1
            with contextlib.suppress(Unavailable):
                if not self.stopping.is_set():
                    self._tunnel = self._opener.open()
                    self._url = self._tunnel.url
                    return

    def _put_back(self) -> None:
        if self._desk is None or self._number is None:
            return
        try:
            if (kept := self._desk.journal.read(self._number.sid)) and self._desk.change.mine(self._number.sid):
                put_back(self._desk, kept, self._opener.say)
        except ConfigError as wrong:
            self._opener.say(str(wrong))


def _ours(desk: NumbersDesk, text: str) -> NumberSettings:
    try:
        return desk.find(text)
    except ProviderError as fault:
        raise ConfigError(fault.detail or str(fault)) from None


def _target(settings: Settings) -> str:
    """Where the tunnel leads. Raises ConfigError if somebody else is there: the tunnel would lead to them."""
    host = settings.host if settings.host not in ("", "0.0.0.0", "::", "localhost") else "127.0.0.1"  # noqa: S104 compared with
    if not settings.server_port:
        raise ConfigError("a tunnel needs a port that is known beforehand: set STELLA_SERVER_PORT or give --port")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, settings.server_port))
    except OSError:
        raise ConfigError(
            f"port {settings.server_port} is taken by another program; stop that, or set STELLA_SERVER_PORT"
        ) from None
    return f"[{host}]:{settings.server_port}" if ":" in host else f"{host}:{settings.server_port}"
