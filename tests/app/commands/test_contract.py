"""`stella contract` against the vendors on this machine: what it finds, says, and leaves alone."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from tests.adapters.chat.server import Manner, vendor
from tests.adapters.cloud_speech.server import KEY, SECRET, VendorServer
from typer.testing import CliRunner

from stella.app import contract
from stella.app.cli import cli
from stella.ports.contract import NotOffered, Outcome, judge, promised, promises_of
from stella.ports.contract.brain import BrainContract
from stella.ports.contract.speech_to_text import SpeechToTextContract
from stella.ports.failure import Unavailable


@pytest.fixture
def vendors(monkeypatch: pytest.MonkeyPatch) -> Iterator[VendorServer]:
    """The vendors on a loop of their own; the settings lead to them, with no key yet."""
    server, loop = VendorServer(), asyncio.new_event_loop()
    server.always = "Good morning, I would like an appointment"
    doors = TestServer(server.app())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(doors.start_server(), loop).result(10)
    url = str(doors.make_url("")).rstrip("/")
    for access in contract.speech_access(contract_settings({})).values():
        monkeypatch.delenv(access.setting, raising=False)
    for name in ("DEEPGRAM", "ELEVENLABS", "CARTESIA"):
        monkeypatch.setenv(f"{name}_BASE_URL", url)
    monkeypatch.setattr(contract, "caller_voice", lambda: lambda _text, _language: b"\x10\x90" * 6400)
    yield server
    asyncio.run_coroutine_threadsafe(doors.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def contract_settings(environ: Mapping[str, str]) -> Any:
    """Settings of nobody's environment."""
    from stella.app.settings import load_settings

    return load_settings(environ)


def said(*words: str) -> tuple[int, Any]:
    """Exit code and data of `stella contract … --json`."""
    done = CliRunner().invoke(cli, ["contract", *words, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_an_engine_that_keeps_its_promises_is_said_to(vendors: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every promise of the suite is in the answer, once, with its reason."""
    monkeypatch.setenv("DEEPGRAM_API_KEY", KEY)
    code, told = said("deepgram")
    assert code == 0, told
    assert {one["kind"] for one in told["engines"]} == {"stt", "tts"}
    for engine in told["engines"]:
        assert {one["outcome"] for one in engine["promises"]} <= {"kept", "skipped"}
        assert [one["promise"] for one in engine["promises"] if one["outcome"] == "skipped"] == (
            ["word times reach the end of the text"] if engine["kind"] == "tts" else []
        )
        assert all(one["reason"] for one in engine["promises"])
    ears = next(one for one in told["engines"] if one["kind"] == "stt")
    assert [one["promise"] for one in ears["promises"]] == list(promises_of(SpeechToTextContract))


def test_a_wrong_key_breaks_promises_and_says_why(vendors: VendorServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cause is the vendor's refusal, and neither the key nor what was said is in it."""
    monkeypatch.setenv("ELEVENLABS_API_KEY", "wrong-key")
    code, told = said("elevenlabs")
    assert code == 1
    causes = {one["cause"] for one in told["engines"][0]["promises"] if one["outcome"] == "broken"}
    assert causes
    assert all("http-401" in cause for cause in causes), causes
    assert SECRET not in json.dumps(told)
    assert "wrong-key" not in json.dumps(told)


def test_a_vendor_that_hears_other_words_breaks_its_promise(
    vendors: VendorServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that cannot fail is none."""
    monkeypatch.setenv("DEEPGRAM_API_KEY", KEY)
    vendors.always = "something else"
    code, told = said("stt:deepgram")
    broken = [one["promise"] for one in told["engines"][0]["promises"] if one["outcome"] == "broken"]
    assert code == 1
    assert broken == ["a finish is answered by what was said", "several languages are listened for at once"]


def test_without_a_key_nobody_is_asked_and_the_setting_is_named(vendors: VendorServer) -> None:
    """Nothing was proven, so it did not go well."""
    code, told = said()
    assert code == 1
    assert not any(engine["promises"] for engine in told["engines"])
    missing = {engine["engine"]: engine["not_asked"] for engine in told["engines"]}
    assert missing["cartesia"] == "CARTESIA_API_KEY is not set"
    assert vendors.asked == []


def test_an_unknown_engine_is_an_option_that_is_wrong(vendors: VendorServer) -> None:
    """With those there are."""
    done = CliRunner().invoke(cli, ["contract", "deepgrem"])
    assert done.exit_code == 2
    assert "tts:deepgram" in done.stderr


class Promises:
    """One of every kind."""

    async def test_one_is_kept(self, thing: int) -> None:
        """Yes."""
        promised(thing == 1, "it is not one")

    async def test_one_is_broken(self, thing: int) -> None:
        """No."""
        promised(thing == 2, "it is not two")

    async def test_one_is_not_offered(self) -> None:
        """Not by this engine."""
        raise NotOffered("this engine has no such thing")

    async def test_one_fails_as_the_port_allows(self) -> None:
        """Named."""
        raise Unavailable("acme", "http-503")

    async def test_one_throws_anything(self) -> None:
        """Never shown: it may quote what was said."""
        raise ValueError(SECRET)

    async def test_one_never_ends(self) -> None:
        """Given up."""
        await asyncio.sleep(3600)


async def test_whatever_an_engine_does_is_a_verdict() -> None:
    """One promise that fails must not hide the others."""

    @asynccontextmanager
    async def given() -> Any:
        yield {"thing": 1}

    told = {one.promise: (one.outcome, one.cause) async for one in judge(Promises, given, deadline_s=0.2)}
    assert told == {
        "one is kept": (Outcome.KEPT, ""),
        "one is broken": (Outcome.BROKEN, "it is not two"),
        "one is not offered": (Outcome.SKIPPED, "this engine has no such thing"),
        "one fails as the port allows": (Outcome.BROKEN, "acme: http-503"),
        "one throws anything": (Outcome.BROKEN, "threw ValueError, which no port allows"),
        "one never ends": (Outcome.BROKEN, "no end within 0.2 s"),
    }


def test_a_model_is_judged_as_a_brain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over its own protocol, with the built-in tools, and a wrong key is named as the cause."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = vendor()
    fake = asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(10)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-ours")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", fake.url)
    try:
        code, told = said("brain:anthropic")
        assert code == 0, told
        (engine,) = told["engines"]
        assert [one["promise"] for one in engine["promises"]] == list(promises_of(BrainContract))
        fake.manner = Manner(status=401)
        code, told = said("brain:anthropic")
        assert code == 1 and "http-401" in json.dumps(told) and "key-of-ours" not in json.dumps(told)
    finally:
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
