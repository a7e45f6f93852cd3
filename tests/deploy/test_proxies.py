"""The examples for nginx, HAProxy and Caddy let a whole call through, with every signature checked."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stella.adapters.models.folder import ModelFolder, ModelMissing
from stella.app.child_server import TOKEN, Watched, serve
from stella.app.settings import load_settings
from stella.phone import Account, HangUp, Telephony, Wait

from .conftest import PROXIES, ROOT, program

pytestmark = [pytest.mark.xdist_group("proxies"), pytest.mark.slow, pytest.mark.speech, pytest.mark.timeout(120)]

PUBLIC = "https://stella.example.com"


@pytest.fixture(scope="module")
def stella() -> Iterator[Watched]:
    """A production server that believes to be called by its public name only."""
    folder = Path(os.environ.get("STELLA_MODELS_DIR") or load_settings({}).models)
    folder = folder if folder.is_absolute() else ROOT / folder
    try:
        ModelFolder(folder).silero()
    except ModelMissing as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{missing}")
    with serve("receptionist", folder, environ={"STELLA_PUBLIC_URL": PUBLIC}) as server:
        yield server


@pytest.fixture(params=PROXIES)
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a proxy before it. Where there is no proxy, no server is started either."""
    program(request.param)
    stella: Watched = request.getfixturevalue("stella")
    with PROXIES[request.param](tmp_path, stella.url.removeprefix("http://")) as url:  # type: ignore[attr-defined]
        yield url


def ring(url: str, token: str = TOKEN) -> object:
    """A call of a few seconds: dialled at the proxy, signed for the public name."""
    account = Account(token, "AC" + "0" * 32, "+447700900123", "+4312345678")
    telephony = Telephony(url, account, public_url=PUBLIC, timeout_s=30, voice=lambda _text, _lang: b"\xff" * 800)
    return asyncio.run(telephony.ring([Wait(3), HangUp()]))


def test_a_whole_call_goes_through_with_its_signatures(proxy: str) -> None:
    """What a proxy changes in the address, in the fields or in the upgrade, costs every single call."""
    report = ring(proxy)
    asked = [(one.purpose, one.status) for one in report.exchanges]
    assert ("voice", 200) in asked and ("status", 204) in asked
    assert [stream.refused for stream in report.streams] == [0]
    assert any(spurt.source == "stream" and spurt.mulaw for spurt in report.heard), "sound came back through the proxy"
    assert not [fault for fault in report.faults if fault.level == "error"], report.faults


def test_a_stranger_is_refused_by_stella_and_not_by_luck(proxy: str) -> None:
    """The lock is behind the proxy: what comes over it from loopback is no more trusted than anything else."""
    report = ring(proxy, token="f" * 32)
    assert [one.status for one in report.exchanges if one.purpose == "voice"] == [403]
    assert not report.streams
