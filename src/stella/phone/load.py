"""Many callers in one process against one server, for `stella bench`: real time, real protocol, little CPU of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlencode, urljoin

import aiohttp
from picows import WSHandshakeError, ws_connect
from yarl import URL

from stella.domain.errors import MalformedMessage
from stella.phone.clock import FRAME_S, MOST_AT_ONCE
from stella.phone.context import completed_fields
from stella.phone.form import SOCKET_USER_AGENT, Account, CallForm, form_headers, new_sid
from stella.phone.load_call import Figures, LoadCall
from stella.phone.load_sound import Repertoire, repertoire
from stella.phone.reach import Reach
from stella.phone.report import quantile
from stella.wire.signature import sign_form, sign_upgrade
from stella.wire.twilio_carrier import CarrierStream
from stella.wire.twiml_reader import Verb, parse_document

SLOTS = 10
"""Callers are spread over this many places within 20 ms, as strangers' telephones are."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """`calls` callers for `seconds` each; they ring over `ramp_s` and say `voices` (mu-law), each from another one on."""

    url: str
    account: Account
    voices: list[bytes]
    calls: int = 1
    seconds: float = 30.0
    ramp_s: float = 5.0
    snr_db: float = 20.0
    settle_s: float = 1.0
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over all calls, in milliseconds."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What the callers noticed. `call_seconds` is the sum over calls; `failures` counts causes.

    `unanswered` turns got no sound in 8 s, `unnoticed` interruptions no `clear`, `premature` answers fell into the
    caller's own words: none of the three is in the quantiles.
    """

    calls: int
    failed: int
    call_seconds: float
    response_gap_ms: Spread
    barge_in_ms: Spread
    webhook_ms: Spread
    handshake_ms: Spread
    unanswered: int
    unnoticed: int
    premature: int
    frames_sent: int
    frames_late: int
    messages: int
    marks: int
    clears: int
    seconds_heard: float
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def late_share(self) -> float:
        """The share of the callers' own frames that were more than 10 ms late: above 0.01 the load itself is the limit."""
        return self.frames_late / self.frames_sent if self.frames_sent else 0.0


def spread(values: list[float]) -> Spread:
    """The usual quantiles."""
    p50, p95, p99 = (quantile(values, share) for share in (0.5, 0.95, 0.99))
    return Spread(len(values), p50, p95, p99, max(values, default=None))


class _Beats:
    """One timer for all: every 2 ms another tenth of the callers sends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: list[list[LoadCall]] = [[] for _ in range(SLOTS)]
        self._zero, self._count = monotonic(), 0
        self._step = FRAME_S / SLOTS
        self._timer: asyncio.TimerHandle | None = loop.call_later(self._step, self._wake)

    def join(self, call: LoadCall) -> None:
        min(self._slots, key=len).append(call)

    def leave(self, call: LoadCall) -> None:
        for slot in self._slots:
            if call in slot:
                slot.remove(call)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wake(self) -> None:
        # Not `loop.time()`: uvloop's counts whole milliseconds and stands still within a turn of the loop.
        behind = int((monotonic() - self._zero) / self._step) - self._count
        for _ in range(min(behind, MOST_AT_ONCE * SLOTS)):
            self._count += 1
            due = self._zero + self._count * self._step
            for call in self._slots[self._count % SLOTS]:
                call.beat(monotonic(), due)
        wait = self._zero + (self._count + 1) * self._step - monotonic()
        self._timer = self._loop.call_later(max(0.001, wait), self._wake)


@dataclass(slots=True)
class _Run:
    plan: LoadPlan
    words: Repertoire
    reach: Reach
    session: aiohttp.ClientSession
    beats: _Beats
    figures: list[Figures] = field(default_factory=list)
    webhook_ms: list[float] = field(default_factory=list)
    handshake_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    call_seconds: float = 0.0


async def run_load(plan: LoadPlan, *, tell: Callable[[int], None] | None = None) -> LoadResult:
    """Ring, talk and hang up. `tell(n)` hears how many calls are over. Raises ValueError for a plan without sound."""
    words = await asyncio.to_thread(repertoire, plan.voices, plan.snr_db)
    beats = _Beats(asyncio.get_running_loop())
    timeout = aiohttp.ClientTimeout(total=15)
    try:
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=64)) as session:
            run = _Run(plan, words, Reach(plan.url, plan.public_url), session, beats)
            async with asyncio.TaskGroup() as tasks:
                for place in range(plan.calls):
                    tasks.create_task(_one(run, place, tell))
    finally:
        beats.stop()
    return _result(run)


async def _one(run: _Run, place: int, tell: Callable[[int], None] | None) -> None:
    plan = run.plan
    await asyncio.sleep(plan.ramp_s * place / max(1, plan.calls))
    form = CallForm(plan.account)
    try:
        began = monotonic()
        stream, base = await _voice(run, form)
        run.webhook_ms.append((monotonic() - began) * 1000)
        url = urljoin(base, stream.get("url"))
        token = plan.account.auth_token
        headers = {"User-Agent": SOCKET_USER_AGENT}
        if token:
            headers["X-Twilio-Signature"] = sign_upgrade(token, run.reach.sign(url))
        carrier = CarrierStream(plan.account.account_sid, form.call_sid, new_sid("MZ"))
        call = LoadCall(carrier, run.words, monotonic, first_line=place, settle_s=plan.settle_s)
        began = monotonic()
        transport, _ = await ws_connect(lambda: call, run.reach.dial(url), extra_headers=headers)
        run.handshake_ms.append((monotonic() - began) * 1000)
        run.figures.append(call.figures)
        began = monotonic()
        call.open(transport, stream.parameters())
        run.beats.join(call)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(plan.seconds):
                    await transport.wait_disconnected()
        finally:
            run.beats.leave(call)
            call.finish()
        run.call_seconds += monotonic() - began
        if call.figures.closed_early:
            run.failures["the server closed the stream"] += 1
        form.status = "completed"
        await _post(run, run.reach.status_url, form.fields(**completed_fields(0.0, monotonic() - began)))
    except (aiohttp.ClientError, OSError, WSHandshakeError, MalformedMessage, ValueError, LookupError) as error:
        run.failures[f"{type(error).__name__}: {error}"[:120]] += 1
    if tell is not None:
        tell(len(run.figures) + sum(run.failures.values()))


async def _post(run: _Run, url: str, fields: dict[str, str]) -> tuple[int, str]:
    token = run.plan.account.auth_token
    headers = form_headers(sign_form(token, run.reach.sign(url), fields.items()) if token else "")
    target = URL(run.reach.dial(url), encoded=True)
    async with run.session.post(target, data=urlencode(fields).encode("ascii"), headers=headers) as response:
        return response.status, await response.text()


async def _voice(run: _Run, form: CallForm) -> tuple[Verb, str]:
    """The `<Stream>` of the voice webhook's answer; the `<Say>` before it is not waited for."""
    url = run.reach.voice_url
    status, body = await _post(run, url, form.fields())
    if status != 200:
        raise ValueError(f"the voice webhook answered {status}")
    connect = next((verb for verb in parse_document(body) if verb.name == "Connect"), None)
    stream = connect.child("Stream") if connect else None
    if stream is None:
        raise ValueError("the server did not offer a stream")
    return stream, url


def _result(run: _Run) -> LoadResult:
    def total(name: str) -> Any:
        return sum(getattr(figures, name) for figures in run.figures)

    return LoadResult(
        calls=run.plan.calls,
        failed=sum(run.failures.values()),
        call_seconds=run.call_seconds,
        response_gap_ms=spread([gap for figures in run.figures for gap in figures.response_gaps]),
        barge_in_ms=spread([ms for figures in run.figures for ms in figures.barge_ins]),
        webhook_ms=spread(run.webhook_ms),
        handshake_ms=spread(run.handshake_ms),
        unanswered=total("unanswered"),
        unnoticed=total("unnoticed"),
        premature=total("premature"),
        frames_sent=total("frames_sent"),
        frames_late=total("frames_late"),
        messages=total("messages"),
        marks=total("marks"),
        clears=total("clears"),
        seconds_heard=total("bytes_heard") / 8000,
        failures=dict(run.failures),
    )
