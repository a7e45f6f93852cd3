"""One port for everything: uvicorn for HTTP, picows for the media socket, and a drain that lets live calls finish."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, cast

import structlog
import uvicorn

from stella.calls.front import Front
from stella.ports.store import CallStore
from stella.web.config import CALL_ROOT, WebConfig
from stella.web.consent import ConsentDoor
from stella.web.doorway import Doorway
from stella.web.gates import Gate
from stella.web.health import Health
from stella.web.http_protocol import HttpDoor
from stella.web.inside import Inside
from stella.web.locks import Locks
from stella.web.media_door import MediaDoor
from stella.web.metrics import PrometheusMetrics
from stella.web.operator_api import operator_api, with_safe_headers
from stella.web.patrol import Patrol
from stella.web.refusals import Refusals
from stella.web.site import Endpoint, Site
from stella.web.visitors import Origins
from stella.web.webhooks import Webhooks

log = structlog.get_logger("stella.web")


class _Engine(uvicorn.Server):
    """uvicorn without its haste: signals go to the drain, and the end waits for what is under way."""

    def __init__(self, config: uvicorn.Config, on_signal: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_signal = on_signal
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.answering = asyncio.Event()

    def end(self) -> None:
        """Leave the main loop."""
        self.should_exit = True
        self._wake.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        if self._on_signal is not None:
            self._loop.call_soon_threadsafe(self._on_signal)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Only where somebody listens to them."""
        with super().capture_signals() if self._on_signal is not None else contextlib.nullcontext():
            yield

    async def main_loop(self) -> None:
        """Sleep until the end; wake once a second for the Date header."""
        self.answering.set()
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 1.0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, let requests under way finish (two seconds), then cut what is left."""
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks and not self.force_exit:
            await asyncio.wait(set(self.server_state.tasks), timeout=2.0)
        for task in list(self.server_state.tasks):
            task.cancel()
        for connection in list(self.server_state.connections):
            cast(HttpDoor, connection).transport.abort()
        await asyncio.sleep(0)


class StellaServer:
    """The doors of one process. `serve` runs until `drain` (a first signal) has finished or `stop` (a second) cuts it."""

    def __init__(self, inside: Inside, config: WebConfig) -> None:
        """Bind the port at once, so that `base_url` is true before the first request. Raises OSError if it is taken."""
        self._inside, self.config = inside, config
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        self._socket = socket.create_server((config.host, config.port), family=family, backlog=2048)
        self.port: int = self._socket.getsockname()[1]
        self.base_url = f"http://{_reachable(config.host)}:{self.port}"
        self.public_url = config.public_url or self.base_url
        self.draining = self._ending = False
        self._ready = asyncio.Event()
        self._drain_begun = asyncio.Event()
        self._engine: _Engine | None = None
        self.media: MediaDoor | None = None

    async def serve(self, *, signals: bool = True) -> None:
        """Answer until told to end. With `signals`, SIGTERM and SIGINT drain and a second one stops."""
        loop = asyncio.get_running_loop()
        inside, config = self._inside, self.config
        metrics = inside.metrics if isinstance(inside.metrics, PrometheusMetrics) else None
        patrol = Patrol(config.deadlines.patrol, metrics.loop_lag if metrics else None)
        refusals = Refusals(inside.metrics, config.caps.log_lines_per_second, loop.time)
        locks = Locks(config, self.public_url)
        self.media = media = MediaDoor(config, inside.front, locks, patrol, inside.metrics, refusals)
        if metrics is not None:
            metrics.watch(lambda: inside.front.live_calls, lambda: media.open_sockets)
        doorway = Doorway(config, patrol, media, refusals)
        site = self._site(locks, refusals)
        self._engine = engine = _Engine(_engine_config(site, doorway), self._on_signal if signals else None)
        patrol.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                drain = tasks.create_task(self._drain(engine, media))
                await self._announce(engine, tasks)
                drain.cancel()
                await media.cut_all()
        finally:
            patrol.stop()
            self._socket.close()

    async def started(self) -> None:
        """Return when the port is answered."""
        await self._ready.wait()

    def drain(self) -> None:
        """Take no new calls, let live ones finish; at the deadline say goodbye to the rest, then end. Safe to call again."""
        if not self.draining:
            self.draining = True
            log.info("draining", live_calls=self._inside.front.live_calls)
            self._inside.drain()
            self._drain_begun.set()

    def stop(self) -> None:
        """End now."""
        self._ending = True
        if self._engine is not None:
            self._engine.force_exit = True
            self._engine.end()

    def _on_signal(self) -> None:
        if self.draining:
            self.stop()
        else:
            self.drain()

    async def _announce(self, engine: _Engine, tasks: asyncio.TaskGroup) -> None:
        serving = tasks.create_task(engine.serve(sockets=[self._socket]))
        answering = tasks.create_task(engine.answering.wait())
        await asyncio.wait((serving, answering), return_when=asyncio.FIRST_COMPLETED)
        answering.cancel()
        self._ready.set()
        log.info("listening", url=self.base_url, public_url=self.public_url)
        await serving

    async def _drain(self, engine: _Engine, media: MediaDoor) -> None:
        await self._drain_begun.wait()
        deadlines, inside = self.config.deadlines, self._inside

        def busy() -> bool:
            return inside.front.live_calls > 0 or media.open_sockets > 0

        if not await _until_not(busy, deadlines.drain):
            log.warning("drain-deadline", live_calls=inside.front.live_calls, open_sockets=media.open_sockets)
            inside.farewell()
            # A spoken goodbye ends with the stream, the carrier's `/after` and the call, all while the port is open.
            await _until_not(busy, deadlines.goodbye)
        media.close_all()
        # A call whose stream was closed just now ends with its `/after`.
        await _until_not(busy, deadlines.close)
        self._ending = True
        engine.end()

    def _site(self, locks: Locks, refusals: Refusals) -> Site:
        inside, config = self._inside, self.config
        webhooks = Webhooks(config, self.public_url, inside.front, locks, inside.metrics, refusals)
        health = Health(inside, lambda: self.draining)
        public: dict[str, Endpoint] = dict.fromkeys(webhooks.routes, webhooks)
        website = ConsentDoor(config, Origins(config, self.public_url), inside)
        public |= {CALL_ROOT + "token": website.features, "/api/stella/consent": website.consent}
        public |= {"/health": health.health, "/healthz": health.live, "/readyz": health.ready}
        gated: dict[str, Endpoint] = {"/metrics": health.metrics}
        readers = config.caps.event_readers
        api = operator_api(inside.store, inside.events, readers, lambda: self._ending, refusals.recent)
        roots = ("/api/stella/v1/", "/docs", "/openapi.json")
        return Site(public, gated, with_safe_headers(api), roots, Gate(config), refusals, config.prefix)


@contextlib.asynccontextmanager
async def running(config: WebConfig, front: Front, store: CallStore, **inside: Any) -> AsyncIterator[str]:
    """A server for the length of a block, without signals; the value of the block is its base URL."""
    server = StellaServer(Inside(front, store, **inside), config)
    async with serving(server) as base_url:
        yield base_url


@contextlib.asynccontextmanager
async def serving(server: StellaServer) -> AsyncIterator[str]:
    """Run this server for the length of a block."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(server.serve(signals=False))
        await server.started()
        try:
            yield server.base_url
        finally:
            server.stop()
            await asyncio.wait([task])


async def _until_not(busy: Callable[[], bool], seconds: float) -> bool:
    """Wait for that long at most; says whether it is so."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while busy():
        if loop.time() >= until:
            return False
        await asyncio.sleep(0.02)
    return True


def _engine_config(site: Site, doorway: Doorway) -> uvicorn.Config:
    return uvicorn.Config(
        cast(Any, site),
        http=cast(Any, partial(HttpDoor, doorway)),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=doorway.config.deadlines.keep_alive,
    )


def _reachable(host: str) -> str:
    if host in {"", "0.0.0.0"}:  # noqa: S104 - compared with, not bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
