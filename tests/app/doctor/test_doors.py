"""What a running server refused is repeated by the doctor, with the reason that was found at the door."""

from __future__ import annotations

import aiohttp
import pytest
from tests.web.conftest import ScriptedFront, ScriptedStore

from stella.app.doctor_doors import check_refusals
from stella.app.doctor_examination import Examination
from stella.app.settings import load_settings
from stella.web.config import WebConfig
from stella.web.server import running
from stella.wire.signature import sign_form

TOKEN, PUBLIC, VOICE = "0123456789abcdef0123456789abcdef", "https://calls.example.com", "/api/stella/call/voice"
OPERATOR = "operator-token-0123456789"
FIELDS = (("AccountSid", "AC" + "1" * 32), ("CallSid", "CA" + "0" * 32))
CONFIG = WebConfig(
    public_url=PUBLIC, auth_tokens=(TOKEN,), operator_token=OPERATOR, secret=b"s" * 32, host="127.0.0.1", port=0
)


@pytest.fixture
async def server():
    """Doors of a real server, locked by a token, and nobody behind them."""
    async with running(CONFIG, ScriptedFront(), ScriptedStore()) as url:
        yield url


def look(url: str, **environ: str) -> Examination:
    """An examination beside this server."""
    return Examination({}, lambda _line: None, settings=load_settings(environ), running=url)


async def knock(url: str, signature: str = "") -> None:
    """A call comes in, signed like this."""
    headers = {"X-Twilio-Signature": signature} if signature else {}
    async with aiohttp.ClientSession() as session, session.post(url + VOICE, data=FIELDS, headers=headers) as answer:
        assert answer.status == 403


async def test_the_address_a_refused_call_was_signed_for_is_told(server):
    """Whoever wonders why the telephone stays dumb reads it here, without searching a log."""
    for _ in range(2):
        await knock(server, sign_form(TOKEN, f"http://calls.example.com{VOICE}", FIELDS))
    found = look(server, STELLA_OPERATOR_TOKEN=OPERATOR)
    await check_refusals(found)
    line = found.lines[-1]
    assert (line.code, line.result) == ("requests-refused", "warn")
    assert "2 times" in line.seen
    assert "http://" in line.mend


async def test_the_noise_of_the_internet_is_left_out(server):
    """Unsigned requests come all day, and nothing is to be mended about them."""
    await knock(server)
    found = look(server, STELLA_OPERATOR_TOKEN=OPERATOR)
    await check_refusals(found)
    assert [line.result for line in found.lines] == ["ok"]


async def test_the_token_of_the_first_start_is_found(server, tmp_path):
    """Few people set one."""
    (tmp_path / "operator-token").write_text(OPERATOR + "\n")
    found = look(server, STELLA_DATA_DIR=str(tmp_path))
    await check_refusals(found)
    assert [line.result for line in found.lines] == ["ok"]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9"])
async def test_where_there_is_no_server_nothing_is_claimed(url):
    """Not asked is not the same as nothing found."""
    found = look(url)
    await check_refusals(found)
    assert [line.result for line in found.lines] == (["skipped"] if url else [])


async def test_another_token_is_said_to_be_one(server):
    """A 401 is not a good answer either."""
    found = look(server, STELLA_OPERATOR_TOKEN="another-token-0123456789")
    await check_refusals(found)
    assert [line.result for line in found.lines] == ["skipped"]
