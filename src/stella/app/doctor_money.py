"""Whether anything bounds the bill, whether the bound can see it, and how much of it is used up today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from stella.adapters.sql.engines import migrating_engine, read_url
from stella.adapters.sql.reading import bills_of, bills_since
from stella.app.doctor_examination import Examination
from stella.app.doors import Vendor, vendors
from stella.app.house import house_prices
from stella.app.local_speech import LOCAL
from stella.app.prices import PriceList
from stella.app.speech import LOCAL_EARS, LOCAL_VOICES
from stella.calls.budget import DAYS_KEPT, NEAR, Budget
from stella.domain.agent import Agent
from stella.domain.errors import ConfigError
from stella.ports.store import Bill

CHECK = "caps"


def check_money(look: Examination) -> None:
    """Caps in money of every agent."""
    try:
        prices = house_prices(look.settings)
    except ConfigError as error:
        look.find("setting-bad", CHECK, str(error))
        return
    doors, budget = vendors(look.settings), Budget(prices)
    budget.take_in(_bills(look), look.agents)
    faults = len(look.lines)
    for agent in look.agents:
        paid = _paid(agent, doors)
        if paid and not agent.limits.capped:
            look.find("cap-none", CHECK, f"{agent.name}: {', '.join(paid)}")
        blind = [name for name in paid if not _priced(name, prices, doors)] if agent.limits.capped else []
        if blind:
            look.find("cap-blind", CHECK, f"{agent.name}: {', '.join(blind)}")
        used = budget.used(agent)
        if used >= NEAR:
            told = f"{agent.name}: {used:.0%} of {agent.limits.cost_day_usd:g} US dollars"
            look.find("cap-spent" if used >= 1 else "cap-near", CHECK, told)
    if len(look.lines) == faults:
        look.note(CHECK, "nothing that is paid for is without a bound")


def _paid(agent: Agent, doors: Mapping[str, Vendor]) -> list[str]:
    """The engines of an agent that cost something, as the file of prices names speech."""
    brains = [name for name in agent.engines.brain if (door := _door(name, doors)) is not None and not door.gratis]
    ears = [f"stt:{name}" for name in agent.engines.stt if not name.startswith((*LOCAL_EARS, LOCAL))]
    return [
        *brains,
        *ears,
        *(f"tts:{name}" for name in agent.engines.tts if not name.startswith((*LOCAL_VOICES, LOCAL))),
    ]


def _door(name: str, doors: Mapping[str, Vendor]) -> Vendor | None:
    return doors.get(name.partition(":")[0])


def _priced(name: str, prices: PriceList, doors: Mapping[str, Vendor]) -> bool:
    """Whether what this costs is known."""
    today, door = datetime.now(UTC).date(), _door(name, doors)
    if door is None:
        return prices.rate(name, today) is not None
    return prices.model(f"{door.priced}:{name.partition(':')[2]}", today) is not None


def _bills(look: Examination) -> Sequence[Bill]:
    """What the records say; none where there is no database yet, or where `check_database` has said why not."""
    since = (datetime.now(UTC) - timedelta(days=DAYS_KEPT)).isoformat()
    try:
        url = read_url(look.settings.database_url)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            return []
        engine = migrating_engine(url)
        try:
            with engine.connect() as connection:
                return bills_of(connection.execute(bills_since(since)))
        finally:
            engine.dispose()
    except (ConfigError, SQLAlchemyError):
        return []
