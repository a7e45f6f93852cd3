"""Asking and changing over real HTTP against a Twilio with a memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tests.adapters.twilio import openapi
from tests.adapters.twilio.double import ACCOUNT, KEY, ROOT, SECRET, SUBACCOUNT, TOKEN, Fault, Seen, TwilioDouble
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response

from stella.adapters.twilio import OutcomeUnknown, TwilioAccount, TwilioRest, careful_http
from stella.domain.errors import ConfigError
from stella.ports.failure import Malformed, ProviderError, Rejected, Unavailable

OURS = "+4312345678"


def test_every_page_is_followed(double: TwilioDouble, rest: TwilioRest) -> None:
    """Counting pages loses numbers when some are bought meanwhile; Twilio says where the next page is."""
    double.largest_page = 3
    for last in range(8):
        double.add(f"+4312345670{last}")
    assert len(list(rest.numbers())) == 8
    assert len(double.seen) == 3


def test_a_number_is_found_by_equality_and_not_by_pattern(double: TwilioDouble, rest: TwilioRest) -> None:
    """Twilio's filter matches parts: the longer number would be set in place of ours."""
    double.largest_page = 1
    double.add(OURS + "9")
    ours = double.add(OURS)
    found = rest.find(OURS)
    assert found is not None
    assert found.sid == ours
    assert rest.find("+431234567") is None


def test_null_and_empty_are_the_same_to_us(double: TwilioDouble, rest: TwilioRest) -> None:
    """Twilio gives null for what was never set and an empty text for what was cleared."""
    sid = double.add(OURS, voice_url=None, trunk_sid=None, voice_application_sid="")
    found = rest.fetch(sid)
    assert (found.settings["voice_url"], found.settings["trunk_sid"], found.answered_by) == ("", "", "nobody")


def test_an_api_key_opens_the_account(double: TwilioDouble) -> None:
    """A key can be taken back alone; the auth token also signs every webhook."""
    double.add(OURS)
    rest = TwilioRest(TwilioAccount(ACCOUNT, key=KEY, secret=SECRET, base=double.url))
    assert rest.find(OURS) is not None
    assert double.seen[0].user == KEY


def test_the_subaccount_that_has_a_number_is_named(double: TwilioDouble, rest: TwilioRest) -> None:
    """Its own token signs its webhooks, so nothing but its own credentials will do."""
    double.add(OURS, SUBACCOUNT)
    assert rest.find(OURS) is None
    assert rest.owner(OURS) == SUBACCOUNT
    assert rest.owner("+431111111") == ""


def test_429_is_waited_out_as_long_as_twilio_asks(double: TwilioDouble, rest: TwilioRest, waits: list[float]) -> None:
    """A request answered 429 was never processed: always safe to send again, a change too."""
    sid = double.add(OURS)
    double.faults = [Fault("POST", 429, 20429, headers={"Retry-After": "3"}), Fault("POST", 429, 20429)]
    rest.change(sid, {"voice_url": "https://a.example/voice"})
    assert double.numbers[sid]["voice_url"] == "https://a.example/voice"
    assert 3.0 <= waits[0] <= 3.5
    assert waits[1] <= 1.5


def test_429_without_end_is_said_and_changes_nothing(
    double: TwilioDouble, rest: TwilioRest, waits: list[float]
) -> None:
    """Patience has an end, and the end says that nothing happened."""
    sid = double.add(OURS)
    before = dict(double.numbers[sid])
    double.faults = [Fault("POST", 429, 20429, headers={"Retry-After": "25"}) for _ in range(9)]
    with pytest.raises(Unavailable, match="Nothing was changed"):
        rest.change(sid, {"voice_url": "https://a.example/voice"})
    assert double.numbers[sid] == before
    assert sum(waits) <= 60


@pytest.mark.parametrize(
    "fault", [Fault("POST", 503), Fault("POST", 0, hang_up=True), Fault("POST", 200, body="<html>")]
)
def test_a_change_without_an_answer_is_sent_once_and_called_unknown(
    double: TwilioDouble, rest: TwilioRest, fault: Fault
) -> None:
    """It may have been made: whoever sends it again without looking acts on a guess."""
    sid = double.add(OURS)
    double.faults = [dataclasses.replace(fault)]
    with pytest.raises(OutcomeUnknown):
        rest.change(sid, {"voice_url": "https://a.example/voice"})
    assert len(double.writes()) == 1


def test_a_question_is_asked_again_after_a_server_error(double: TwilioDouble, rest: TwilioRest) -> None:
    """Reading changes nothing, so a hiccup need not reach the person."""
    sid = double.add(OURS)
    double.faults = [Fault("GET", 502, body="<html>bad gateway"), Fault("GET", 500)]
    assert rest.fetch(sid).phone_number == OURS


REFUSALS = [
    (Fault("GET", 401, 20003), Rejected, "rotated|region"),
    (Fault("GET", 403, 20008), Rejected, "test credentials"),
    (Fault("GET", 403, 20005), Rejected, "suspended"),
    (Fault("GET", 404, 20404), Rejected, "another account"),
    (Fault("GET", 400, 20001, problem=True), Rejected, "scripted"),
    (Fault("GET", 200, body="<html>sign in to the hotel</html>"), Malformed, "not Twilio"),
    (Fault("GET", 200, body="[]"), Malformed, "not Twilio"),
    (Fault("GET", 302, headers={"Location": "https://elsewhere.example"}, body=""), Malformed, "not Twilio"),
]


@pytest.mark.parametrize(
    ("fault", "kind", "words"), REFUSALS, ids=[f"{r[0].status}-{n}" for n, r in enumerate(REFUSALS)]
)
def test_a_refusal_says_cause_and_mend_and_no_secret(
    double: TwilioDouble, rest: TwilioRest, fault: Fault, kind: type[ProviderError], words: str
) -> None:
    """The number alone sends people to a search engine."""
    for ask in (lambda: rest.fetch("PN" + "0" * 32), lambda: list(rest.numbers())):
        double.faults = [dataclasses.replace(fault)]
        with pytest.raises(kind, match=words) as caught:
            ask()
        assert TOKEN not in str(caught.value) + repr(rest.account)


def test_a_refused_address_is_named_as_such(double: TwilioDouble, rest: TwilioRest) -> None:
    """Twilio takes no host name with an underscore, and its own words are short."""
    sid = double.add(OURS)
    with pytest.raises(Rejected, match="underscore"):
        rest.change(sid, {"status_callback": "https://my_host.example/status"})


def test_a_machine_without_network_is_told_so() -> None:
    """No stack trace for a cable that is not plugged in."""
    rest = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base="http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match="cannot be reached"):
        rest.fetch("PN" + "0" * 32)


def test_an_answer_without_end_is_cut_off(
    double: TwilioDouble, rest: TwilioRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers in Twilio's place shall not fill the memory, and shall not hold the line either."""
    double.faults = [Fault("GET", 200, body="x" * 300_000)]
    monkeypatch.setattr(careful_http, "ANSWER_MOST", 100_000)
    with pytest.raises(Unavailable, match="longer than"):
        rest.fetch("PN" + "0" * 32)
    monkeypatch.setattr(careful_http, "ANSWER_S", -1.0)
    with pytest.raises(Unavailable, match="longer than"):
        rest.fetch("PN" + "0" * 32)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{ROOT}/{ACCOUNT}/IncomingPhoneNumbers.json"),
        ("POST", f"{ROOT}/{ACCOUNT}/IncomingPhoneNumbers/Local.json"),
        ("POST", f"{ROOT}/{ACCOUNT}/Calls.json"),
        ("POST", f"{ROOT}/{ACCOUNT}.json"),
        ("DELETE", f"{ROOT}/{ACCOUNT}/IncomingPhoneNumbers/PN{'0' * 32}.json"),
    ],
)
def test_nothing_can_be_bought_called_or_deleted(
    double: TwilioDouble, rest: TwilioRest, method: str, path: str
) -> None:
    """Not a matter of which methods exist: the one way out lets no such request through."""
    with pytest.raises(Rejected, match="does not send"):
        rest.client.request(method, f"https://api.twilio.com{path}")
    assert double.seen == []


def test_region_and_edge_choose_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys hold in one region; asked elsewhere they are simply wrong."""
    asked: list[str] = []

    def answer(_self: Any, _method: str, url: str, *_args: Any, **_options: Any) -> Response:
        asked.append(url)
        return Response(404, '{"code":20404,"message":"no","status":404}')

    monkeypatch.setattr(TwilioHttpClient, "request", answer)
    for region, edge in (("ie1", "dublin"), ("", ""), ("au1", "")):
        with pytest.raises(Rejected):
            TwilioRest(TwilioAccount(ACCOUNT, TOKEN, region=region, edge=edge)).fetch("PN" + "0" * 32)
    hosts = [url.split("/")[2] for url in asked]
    assert hosts == ["api.dublin.ie1.twilio.com", "api.twilio.com", "api.au1.twilio.com"]


@pytest.mark.parametrize(
    "given",
    [
        {"sid": ""}, {"sid": ACCOUNT}, {"sid": ACCOUNT, "key": KEY}, {"sid": ACCOUNT, "secret": SECRET},
        {"sid": ACCOUNT, "token": TOKEN, "region": "https://evil"},
        {"sid": ACCOUNT, "token": TOKEN, "base": "http://api.example.com"},
    ],
)  # fmt: skip
def test_what_is_missing_is_said_before_anything_is_asked(given: dict[str, str]) -> None:
    """A key sent in the clear, or half a key, is a mistake that can be seen without a network."""
    with pytest.raises(ConfigError, match="TWILIO_"):
        TwilioAccount(**given)


def test_the_checker_sees_what_the_description_forbids() -> None:
    """A checker that finds nothing proves nothing unless it can find something."""
    known = openapi.description()
    if known is None:
        pytest.skip("Twilio's OpenAPI description is not here; name it in STELLA_TEST_TWILIO_OPENAPI")
    number = f"{ROOT}/{ACCOUNT}/IncomingPhoneNumbers/PN{'0' * 32}.json"
    listing = f"{ROOT}/{ACCOUNT}/IncomingPhoneNumbers.json"

    def wrong(path: str, method: str = "POST", query: Any = (), form: Any = ()) -> list[str]:
        return openapi.faults(Seen(method, path, tuple(query), tuple(form), ""), known)

    assert wrong(number, form=[("VoiceUrl", "https://a.example"), ("TrunkSid", "")]) == []
    assert wrong(number, form=[("VoiceURL", "https://a.example")]) == ["unknown field VoiceURL"]
    assert wrong(number, form=[("VoiceMethod", "PUT")])
    assert wrong(number, form=[("VoiceUrl", "nowhere")])
    assert wrong(number, "PUT")
    assert wrong(listing, "GET", [("PageSize", "1001")])
    assert wrong(listing, "GET", [("Number", "1")])
    assert wrong(f"{ROOT}/ACx/IncomingPhoneNumbers.json", "GET")
    assert wrong("/2010-04-01/Nothing.json", "GET") == ["no such path: /2010-04-01/Nothing.json"]
