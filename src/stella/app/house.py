"""Everything put together: settings in, a running STELLA out. The only file where concrete things meet."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial

import aiohttp

from stella.adapters.http_tool import ToolSessions, is_forbidden
from stella.adapters.models.folder import ModelFolder
from stella.adapters.notify import EmailDelivery, SmtpSettings, WebhookDelivery
from stella.adapters.pages.web import WebPages
from stella.adapters.sql import SqlStore, open_store
from stella.adapters.sql.outbox import SqlOutbox
from stella.adapters.sql.writer import Pace
from stella.app.agents.shelf import AgentShelf, ProgramShelf
from stella.app.brains import Brains, vendors
from stella.app.embedders import embedder_of
from stella.app.engines import HouseEngines, ProcessEngines
from stella.app.housekeeping import housekeeping, take_in_bills
from stella.app.library import Library
from stella.app.live_events import LiveEvents
from stella.app.local_speech import LOCAL
from stella.app.own import NOTHING_OWN, Program
from stella.app.prices import PriceList, price_list
from stella.app.realtime import Realtimes, realtime_access
from stella.app.secrets_file import secret_file
from stella.app.settings import Settings
from stella.app.speech import LOCAL_EARS, LOCAL_VOICES, Speech
from stella.app.speech_vendors import speech_access
from stella.app.texts import Texts, why_no_texts
from stella.app.toolkit import TextDesk, Toolkit
from stella.calls.budget import Budget
from stella.calls.live_call import Clock
from stella.calls.switchboard import Switchboard
from stella.conversation.policy import Policy
from stella.domain.agent import Agent, NotifyTarget
from stella.domain.errors import ConfigError
from stella.ports.delivery import Delivery
from stella.web.config import Caps, Deadlines, WebConfig
from stella.web.inside import ConsentGiven, Inside
from stella.web.metrics import PrometheusMetrics
from stella.web.server import StellaServer
from stella.wire.signature import Signatures

CLOCK = Clock(time.monotonic, lambda: datetime.now(UTC))
SAVE_EVERY_S = 0.25
"""What may wait (turns) is written this often, all calls in one transaction; evidence is written at once."""
LOCAL_URL = "http://localhost"


class NumberedAgents:
    """Which agent answers: with a configured number, calls to any other number are not ours."""

    def __init__(self, shelf: AgentShelf, number: str) -> None:
        """`number` is TWILIO_NUMBER or empty."""
        self._shelf, self._number = shelf, number

    def for_number(self, to: str) -> Agent | None:
        """The agent of `to`, exactly; a bare request in development (no `to`) gets the first agent."""
        ours = {self._number, *(number for agent in self._shelf.agents for number in agent.numbers)} - {""}
        if ours and to.startswith("+") and to not in ours:
            return None
        return self._shelf.for_number(to)


@dataclass(slots=True)
class House:
    """A STELLA that is ready to be served."""

    settings: Settings
    server: StellaServer
    switchboard: Switchboard
    shelf: AgentShelf
    engines: HouseEngines
    store: SqlStore
    outbox: SqlOutbox
    operator_token: str
    new_operator_token: bool


def policy_bounds() -> dict[str, tuple[float, float]]:
    """Every policy number's bounds, for the agent file's check."""
    return {each.name: (each.metadata["low"], each.metadata["high"]) for each in fields(Policy)}


def read_agents(settings: Settings) -> AgentShelf:
    """The agents of STELLA_AGENT. Raises AgentFileError with file, line and reason."""
    environ = dict(os.environ)
    for name, text in (("DE", settings.consent_text_de), ("EN", settings.consent_text_en)):
        if text:
            environ[f"STELLA_CONSENT_TEXT_{name}"] = text
    return AgentShelf(settings.agent, environ, policy_bounds())


def web_config(settings: Settings, *, development: bool, operator_token: str, secret: bytes) -> WebConfig:
    """The doors' settings. Raises ConfigError where they would stand open."""
    if settings.auth_tokens:
        Signatures(settings.auth_tokens, settings.public_url or LOCAL_URL)
    try:
        return WebConfig(
            public_url=settings.public_url,
            auth_tokens=settings.auth_tokens,
            account_sid=settings.twilio_account_sid,
            development=development,
            operator_token=operator_token,
            secret=secret,
            trusted_proxies=frozenset(settings.trusted_proxies),
            allowed_origins=settings.allowed_origins,
            host=settings.host or ("127.0.0.1" if development else "0.0.0.0"),  # noqa: S104 a server is to be reached
            port=settings.server_port,
            call_enabled=settings.call,
            chat_enabled=False,
            caps=Caps(),
            deadlines=Deadlines(drain=settings.drain_s),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from None


def house_prices(settings: Settings) -> PriceList:
    """What things cost; what runs on this machine costs nothing. Raises ConfigError."""
    own = [f"stt:{name}" for name in LOCAL_EARS] + [f"tts:{name}" for name in LOCAL_VOICES]
    own += [f"stt:{LOCAL}", f"tts:{LOCAL}"]
    return price_list(settings.prices, frozenset(own))


@contextlib.asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    development: bool,
    progress: Callable[[int, int], None] | None = None,
    program: Program | None = None,
    stage: Callable[[Brains], HouseEngines] | None = None,
) -> AsyncIterator[House]:
    """Build everything, hand it over, and take it apart in reverse. Raises ConfigError with the mend.

    A `program` brings its own agent instead of STELLA_AGENT's; a `stage` (of tests) other ears and voices.
    """
    shelf = read_agents(settings) if program is None else ProgramShelf(program.agent)
    token, new = settings.operator_token.get_secret_value(), False
    if not token:
        token, new = secret_file(settings.data_dir / "operator-token")
    salt = settings.secret_salt.get_secret_value() or secret_file(settings.data_dir / "secret-salt")[0]
    config = web_config(settings, development=development, operator_token=token, secret=salt.encode())
    async with contextlib.AsyncExitStack() as stack:
        store = await open_store(settings.database_url, settings.data_dir, pace=Pace(gather=SAVE_EVERY_S))
        stack.push_async_callback(store.close)
        outbox = await _open_outbox(settings, store, shelf, stack, development=development)
        metrics = PrometheusMetrics()
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=vendor_connections()))
        tool_sessions = ToolSessions()
        stack.push_async_callback(tool_sessions.close)
        own, prices = program.own if program is not None else NOTHING_OWN, house_prices(settings)
        toolkit = Toolkit(outbox, tool_sessions, TextDesk(outbox, partial(why_no_texts, settings)), outbox)
        stack.push_async_callback(toolkit.close)
        library = _library(settings, tool_sessions, session)
        realtime = Realtimes(session, realtime_access(settings), metrics)
        stack.push_async_callback(realtime.close)
        brains = Brains(
            outbox, session, vendors(settings), metrics, own=own, toolkit=toolkit, library=library, realtime=realtime,
            prices=prices,
        )  # fmt: skip
        engines: HouseEngines
        if stage is not None:
            engines = stage(brains)
        else:
            models = ModelFolder(settings.models)
            speech = Speech(models, session, speech_access(settings), metrics, settings.stt_workers or None)
            budget = Budget(prices, CLOCK.wall, metrics)
            engines = ProcessEngines(models, outbox, brains=brains, speech=speech, budget=budget)
        stack.push_async_callback(engines.close)
        await engines.prepare(shelf.agents, progress)
        await take_in_bills(store, engines.budget, shelf)
        switchboard = Switchboard(
            NumberedAgents(shelf, settings.twilio_number), engines, store, CLOCK,
            calls_at_once=settings.calls_at_once, metrics=metrics, tapes=store,
        )  # fmt: skip
        stack.push_async_callback(switchboard.close)
        events = LiveEvents(switchboard, store)
        inside = Inside(
            switchboard, store, metrics, events=events.follow,
            keep_consent=lambda answer: _keep_consent(store, answer),
            drain=switchboard.drain, farewell=switchboard.farewell,
        )  # fmt: skip
        server = StellaServer(inside, config)
        async with housekeeping(switchboard, store, shelf, engines, library, settings.retention_days):
            yield House(settings, server, switchboard, shelf, engines, store, outbox, token, new)


def vendor_connections() -> aiohttp.TCPConnector:
    """The one pool to all vendors. Calls bound it (`calls_at_once`), not a number of its own: every stream of ears holds a
    connection for the whole call. An idle one is kept for more than a minute, so that the next sentence finds it warm."""
    return aiohttp.TCPConnector(limit=0, keepalive_timeout=75.0, ttl_dns_cache=300)


def _library(settings: Settings, tools: ToolSessions, session: aiohttp.ClientSession) -> Library:
    pages = settings.data_dir / "pages"
    web = WebPages(tools.public, pages, time.time, is_forbidden)
    return Library(web, lambda name: embedder_of(name, vendors(settings), session), pages)


async def _open_outbox(
    settings: Settings, store: SqlStore, shelf: AgentShelf, stack: contextlib.AsyncExitStack, *, development: bool
) -> SqlOutbox:
    def targets(agent: str) -> tuple[NotifyTarget, ...]:
        return next((known.notify for known in shelf.agents if known.name == agent), ())

    session = await stack.enter_async_context(aiohttp.ClientSession())
    ways: dict[str, Delivery] = {
        "webhook": WebhookDelivery(session, allow_loopback=development),
        "sms": Texts(settings),
    }
    if settings.smtp_host:
        email = EmailDelivery(
            SmtpSettings(
                settings.smtp_host, settings.smtp_from, settings.smtp_port, settings.smtp_user,
                settings.smtp_password.get_secret_value(), settings.smtp_security,
            )
        )  # fmt: skip
        stack.push_async_callback(email.close)
        ways["email"] = email
    outbox = SqlOutbox(store, targets, ways)
    await outbox.start()
    stack.push_async_callback(outbox.close)
    return outbox


async def _keep_consent(store: SqlStore, answer: ConsentGiven) -> None:
    await store.note_web_consent(
        answer.consent_id, answer.kind, answer.consent, answer.address_hash, answer.origin, answer.at
    )
