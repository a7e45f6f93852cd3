"""What the doctor says about money: that nothing bounds it, that a bound is blind, that the day's is used up."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stella.adapters.sql import open_store
from stella.app.doctor_house import check_agents
from stella.app.doctor_money import check_money
from stella.domain.call import CallRecord

FILE = """
name = "office"
company = "Muster"
[[languages]]
code = "en"
[engines]
brain = [{brain}]
[limits]
{limits}
"""
OPENAI = {"OPENAI_API_KEY": "k"}


@pytest.mark.parametrize(
    ("brain", "limits", "more", "codes"),
    [
        ('"receptionist"', "", {}, []),
        ('"ollama:llama3.2"', "", {}, []),
        ('"openai:gpt-5-mini"', "", OPENAI, ["cap-none"]),
        ('"openai:gpt-5-mini"', "cost_day_usd = 5", OPENAI, []),
        ('"openai:some-model-of-tomorrow"', "cost_day_usd = 5", OPENAI, ["cap-blind"]),
        ('"openai:gpt-5-mini"', "cost_day_usd = 5", {"OPENAI_BASE_URL": "http://localhost:1/v1"}, ["cap-blind"]),
    ],
)
def test_a_bill_without_a_bound_and_a_bound_that_sees_nothing(tmp_path, environ, found, brain, limits, more, codes):
    """Before the first call, and before the first bill."""
    path = tmp_path / "agent.toml"
    path.write_text(FILE.format(brain=brain, limits=limits))
    look = found(environ | {"STELLA_AGENT": str(path)} | more)
    look.by(check_agents)
    assert look.by(check_money) == codes


@pytest.mark.parametrize(("usd", "codes"), [(1.0, []), (4.2, ["cap-near"]), (5.0, ["cap-spent"])])
async def test_how_much_of_the_day_is_used_up_is_read_from_the_records(tmp_path, environ, found, usd, codes):
    """Beside a running server, without asking it."""
    path = tmp_path / "agent.toml"
    path.write_text(FILE.format(brain='"openai:gpt-5-mini"', limits="cost_day_usd = 5"))
    url = f"sqlite:///{tmp_path}/data/stella.db"
    store = await open_store(url, tmp_path / "data")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    await store.commit(CallRecord("CA1", agent="office", created_at=at, cost={"brain_usd": usd}))
    look = found(environ | {"STELLA_AGENT": str(path)} | OPENAI)
    look.by(check_agents)
    assert look.by(check_money) == codes
    await store.close()


def test_a_file_of_prices_that_cannot_be_read_is_a_bad_setting(tmp_path, environ, found):
    """With the file's name."""
    look = found(environ | {"STELLA_PRICES": str(tmp_path / "none.toml")})
    assert look.by(check_money) == ["setting-bad"] and "none.toml" in look.seen
