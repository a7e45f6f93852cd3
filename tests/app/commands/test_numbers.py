"""`stella numbers` against a Twilio with a memory: connect, drift, restore, faults."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tests.adapters.twilio import openapi
from tests.adapters.twilio.double import ACCOUNT, SUBACCOUNT, TOKEN, Fault, TwilioDouble, twilio_double
from typer.testing import CliRunner

from stella.app import number_change
from stella.app.cli import cli
from stella.app.commands import numbers
from stella.app.number_journal import MOST, Entry, NumberJournal
from stella.app.phone_number import read_number
from stella.domain.errors import ConfigError

OURS, HERE = "+4312345678", "https://stella.example.com"
Stella = Callable[..., Result]


@pytest.fixture
def double() -> Iterator[TwilioDouble]:
    """A Twilio whose every request is held against Twilio's own description, where that is there."""
    with twilio_double() as running:
        yield running
    known = openapi.description()
    if known is not None:
        assert [fault for seen in running.seen for fault in openapi.faults(seen, known)] == []


@pytest.fixture
def stella(double: TwilioDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stella:
    """Type a command in an empty folder, with an account in the environment and nobody at the keyboard."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_API_BASE": double.url,
        "STELLA_DATA_DIR": str(tmp_path / "data"), "STELLA_PUBLIC_URL": HERE,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(number_change, "READS", 1)

    def run(*words: str) -> Result:
        done = CliRunner().invoke(cli, ["numbers", *words])
        assert TOKEN not in done.output
        return done

    return run


def kept(tmp_path: Path, sid: str) -> dict[str, Any]:
    """What is kept of a number."""
    found: dict[str, Any] = json.loads((tmp_path / "data/numbers" / f"{sid}.json").read_text())
    return found


def voice(double: TwilioDouble, sid: str) -> dict[str, str]:
    """What decides who answers."""
    names = ("voice_url", "voice_method", "status_callback", "voice_fallback_url", "voice_application_sid", "trunk_sid")
    return {name: double.numbers[sid][name] or "" for name in names}


def test_connect_shows_sets_reads_back_and_keeps(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """All of it in one go: the number rings STELLA, and what was there is on the disk for its owner only."""
    sid = double.add(OURS)
    before = voice(double, sid)
    done = stella("connect", OURS, "--yes")
    assert done.exit_code == 0, done.output
    assert "A call comes in: URL" in done.output
    assert "read back" in done.output
    assert voice(double, sid) == {
        "voice_url": f"{HERE}/api/stella/call/voice#rc=1&rt=7000&rp=ct,rt",
        "voice_method": "POST",
        "status_callback": f"{HERE}/api/stella/call/status#rc=3&rp=5xx,ct,rt",
        "voice_fallback_url": f"{HERE}/api/stella/call/fallback#rc=1&rt=5000&rp=ct,rt",
        "voice_application_sid": "",
        "trunk_sid": "",
    }
    file = tmp_path / "data/numbers" / f"{sid}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kept(tmp_path, sid)["entries"][0]["before"]["voice_url"] == before["voice_url"]
    assert double.numbers[sid]["sms_url"] == "https://demo.twilio.com/welcome/sms/", "what is not ours is not touched"


def test_restore_puts_everything_back(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """What was there, and not what a default would be."""
    sid = double.add(OURS, voice_application_sid="AP" + "1" * 32, voice_method="GET")
    before = voice(double, sid)
    assert stella("connect", OURS, "--yes").exit_code == 0
    assert voice(double, sid) != before
    assert stella("restore", OURS, "--yes").exit_code == 0
    assert voice(double, sid) == before
    assert not (tmp_path / "data/numbers" / f"{sid}.json").exists()
    assert stella("restore", OURS, "--yes").exit_code == 1


def test_two_changes_are_taken_back_one_by_one(stella: Stella, double: TwilioDouble) -> None:
    """The state before STELLA is not lost because somebody connected twice."""
    sid = double.add(OURS)
    first = voice(double, sid)
    stella("connect", OURS, "--yes")
    second = voice(double, sid)
    stella("connect", OURS, "--yes", "--url", "https://other.example.com")
    stella("connect", OURS, "--yes", "--url", "https://other.example.com")
    stella("restore", OURS, "--yes")
    assert voice(double, sid) == second
    stella("restore", OURS, "--yes")
    assert voice(double, sid) == first


def test_connected_already_is_no_change(stella: Stella, double: TwilioDouble) -> None:
    """A command in a deployment script runs every time."""
    double.add(OURS)
    stella("connect", OURS, "--yes")
    sent = len(double.writes())
    done = stella("connect", OURS)
    assert done.exit_code == 0
    assert "set so already" in done.output
    assert len(double.writes()) == sent


def test_nobody_there_to_confirm_changes_nothing(stella: Stella, double: TwilioDouble) -> None:
    """Silence is not consent; a script says --yes."""
    double.add(OURS)
    done = stella("connect", OURS)
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert double.writes() == []


@pytest.mark.parametrize(("answer", "code", "changed"), [("y", 0, 1), ("n", 1, 0), ("", 1, 0)])
def test_a_person_is_asked_after_seeing_the_difference(
    stella: Stella, double: TwilioDouble, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, changed: int
) -> None:
    """No, and walking away, both change nothing."""
    double.add(OURS)
    monkeypatch.setattr(numbers, "somebody_there", lambda: True)
    done = CliRunner().invoke(cli, ["numbers", "connect", OURS], input=f"{answer}\n" if answer else "")
    assert done.exit_code == code
    assert done.output.index("demo.twilio.com") < done.output.index("Set 3 settings")
    assert len(double.writes()) == changed


@pytest.mark.parametrize(
    "fault", [Fault("POST", 503), Fault("POST", 400, 21600, "ApplicationSid is not found"), Fault("POST", 401, 20003)]
)
def test_a_restore_that_fails_can_be_tried_again(stella: Stella, double: TwilioDouble, fault: Fault) -> None:
    """The TwiML app that was there may be gone, or Twilio may be: what is kept stays kept."""
    sid = double.add(OURS)
    before = voice(double, sid)
    stella("connect", OURS, "--yes")
    double.faults = [Fault(**vars(fault))]
    assert stella("restore", OURS, "--yes").exit_code == 1
    assert stella("restore", OURS, "--yes").exit_code == 0
    assert voice(double, sid) == before


@pytest.mark.parametrize(
    ("there", "word"),
    [({"trunk_sid": "TK" + "1" * 32}, "SIP trunk"), ({"voice_application_sid": "AP" + "1" * 32}, "TwiML app"),
     ({"voice_receive_mode": "fax"}, "fax")],
)  # fmt: skip
def test_what_would_make_the_number_ignore_its_url_is_taken_off_and_said(
    stella: Stella, double: TwilioDouble, there: dict[str, str], word: str
) -> None:
    """A number with a trunk looks connected in every list and never rings."""
    sid = double.add(OURS, **there)
    done = stella("connect", OURS, "--yes")
    assert word in done.output
    name = next(iter(there))
    assert double.numbers[sid][name] == ("voice" if name == "voice_receive_mode" else "")


def test_a_fallback_on_the_same_host_is_warned_of(stella: Stella, double: TwilioDouble) -> None:
    """It is gone when the server it should replace is gone."""
    sid = double.add(OURS)
    assert "TwiML Bin" in stella("connect", OURS, "--yes").output
    bin_ = "https://handler.twilio.com/twiml/EH" + "1" * 32
    done = stella("connect", OURS, "--yes", "--fallback-url", bin_)
    assert "Note" not in done.output
    assert double.numbers[sid]["voice_fallback_url"] == bin_
    stella("connect", OURS, "--yes", "--url", "https://other.example.com")
    assert double.numbers[sid]["voice_fallback_url"] == bin_, "a TwiML Bin that is there is the better one"


def test_a_setting_that_does_not_stick_is_seen(stella: Stella, double: TwilioDouble) -> None:
    """200 is what Twilio says; reading back is what it did."""
    double.add(OURS)
    double.stubborn = {"status_callback"}
    done = stella("connect", OURS, "--yes")
    assert done.exit_code == 3
    assert "shows 1 of" in done.output


def test_drift_is_said_before_putting_back(stella: Stella, double: TwilioDouble) -> None:
    """Somebody changed it in the console since; they should not find their work gone without a word."""
    sid = double.add(OURS)
    stella("connect", OURS, "--yes")
    double.numbers[sid]["voice_url"] = "https://third.example.com"
    done = stella("restore", OURS, "--yes")
    assert "somebody else" in done.output
    assert double.numbers[sid]["voice_url"] == "https://demo.twilio.com/welcome/voice/"


def test_a_change_that_was_made_in_spite_of_a_503_counts(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """The answer was lost, the change was not: reading back tells."""
    sid = double.add(OURS)
    double.faults = [Fault("POST", 503, applied=True)]
    assert stella("connect", OURS, "--yes").exit_code == 0
    assert len(kept(tmp_path, sid)["entries"]) == 1


def test_a_change_that_a_503_prevented_is_said_and_not_kept(
    stella: Stella, double: TwilioDouble, tmp_path: Path
) -> None:
    """Otherwise `restore` would put back what never went away."""
    sid = double.add(OURS)
    double.faults = [Fault("POST", 503)]
    done = stella("connect", OURS, "--yes")
    assert done.exit_code == 1
    assert "was not made" in done.output
    assert not (tmp_path / "data/numbers" / f"{sid}.json").exists()


def test_a_change_that_cannot_be_read_back_stays_kept(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """Then nobody knows, and what was there must not be forgotten."""
    sid = double.add(OURS)
    double.faults = [Fault("POST", 503, applied=True)]
    original = double.answer

    def lost(seen: Any, password: str) -> Any:
        return (
            (401, {"code": 20003, "message": "no"})
            if double.writes() and seen.method == "GET"
            else original(seen, password)
        )

    double.answer = lost  # type: ignore[method-assign]
    done = stella("connect", OURS, "--yes")
    assert done.exit_code == 1
    assert "may have been made" in done.output
    assert kept(tmp_path, sid)["entries"]


def test_an_unknown_number_is_told_with_what_there_is(stella: Stella, double: TwilioDouble) -> None:
    """A digit off is the most frequent reason."""
    double.add("+4312345679")
    done = stella("show", OURS)
    assert done.exit_code == 1
    assert "+4312345679" in done.output
    double.numbers.clear()
    assert "no numbers at all" in stella("show", OURS).output


def test_a_subaccounts_number_is_told_with_its_owner(stella: Stella, double: TwilioDouble) -> None:
    """Its webhooks are signed with its own token, so the mend is more than another SID."""
    double.add(OURS, SUBACCOUNT)
    done = stella("connect", OURS, "--yes")
    assert done.exit_code == 1
    assert SUBACCOUNT in done.output


def test_the_wrong_token_is_told_apart_from_the_wrong_region(stella: Stella, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 alone leaves two causes; both are named, with what was asked."""
    monkeypatch.setenv("TWILIO_API_KEY", "SK" + "9" * 32)
    monkeypatch.setenv("TWILIO_API_SECRET", "wrong")
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    done = stella("list")
    assert done.exit_code == 1
    assert "TWILIO_API_KEY" in done.output
    assert "region ie1" in done.output


@pytest.mark.parametrize(
    "url",
    [
        "http://plain.example.com",
        "https://localhost:3001",
        "https://my_host.example",
        "https://",
        "nowhere",
        "https://192.168.1.4",
    ],
)
def test_an_address_twilio_cannot_call_is_refused(stella: Stella, double: TwilioDouble, url: str) -> None:
    """Twilio would take some of them, and callers would find out."""
    double.add(OURS)
    assert stella("connect", OURS, "--yes", "--url", url).exit_code == 2
    assert double.writes() == []


def test_data_for_scripts(stella: Stella, double: TwilioDouble) -> None:
    """--json without --yes is a question with an exit code; with it, it does it."""
    sid = double.add(OURS)
    asked = stella("connect", OURS, "--json")
    assert asked.exit_code == 3
    assert json.loads(asked.stdout)["applied"] is False
    assert double.writes() == []
    assert json.loads(stella("connect", OURS, "--json", "--yes").stdout)["applied"] is True
    assert stella("connect", OURS, "--json").exit_code == 0
    assert json.loads(stella("show", sid, "--json").stdout)["kept_changes"] == 1
    assert [each["sid"] for each in json.loads(stella("list", "--json").stdout)] == [sid]
    assert json.loads(stella("restore", sid, "--json", "--yes").stdout)["applied"] is True


def test_a_password_inside_an_address_is_not_shown(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """People put basic authentication into webhooks; it is kept for restoring and shown to nobody."""
    sid = double.add(OURS, voice_url="https://user:hush@old.example/voice")
    assert "hush" not in stella("show", OURS).output + stella("list").output + stella("show", OURS, "--json").output
    assert "hush" not in stella("connect", OURS, "--yes").output
    assert "hush" in kept(tmp_path, sid)["entries"][0]["before"]["voice_url"]
    stella("restore", OURS, "--yes")
    assert "hush" in double.numbers[sid]["voice_url"]


def test_a_number_without_voice_is_refused(stella: Stella, double: TwilioDouble) -> None:
    """An SMS-only number takes the URL and never rings."""
    double.add(OURS, capabilities={"voice": False, "sms": True})
    assert "cannot take calls" in stella("connect", OURS, "--yes").output


def test_a_folder_that_cannot_be_written_changes_nothing(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """What cannot be put back is not changed."""
    double.add(OURS)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/numbers").write_text("in the way")
    done = stella("connect", OURS, "--yes")
    assert done.exit_code == 1
    assert "nothing is changed" in done.output
    assert double.writes() == []


def test_a_cut_off_journal_is_said(stella: Stella, double: TwilioDouble, tmp_path: Path) -> None:
    """A file nobody can read is not the same as no file."""
    sid = double.add(OURS)
    folder = tmp_path / "data/numbers"
    folder.mkdir(parents=True)
    for text in ('{"entries": [', "[]", '{"entries": [{}], "phone_number": "", "account_sid": ""}'):
        (folder / f"{sid}.json").write_text(text)
        assert "cannot be read" in stella("restore", OURS, "--yes").output


def test_the_journal_keeps_the_oldest_and_the_newest(double: TwilioDouble, tmp_path: Path) -> None:
    """A number that is connected every day for a year still knows what it was before."""
    from stella.adapters.twilio import TwilioAccount, TwilioRest

    number = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=double.url)).fetch(double.add(OURS))
    journal = NumberJournal(tmp_path)
    for count in range(MOST + 5):
        journal.push(number, Entry(str(count), "numbers", 0, number.settings, number.settings))
    found = journal.read(number.sid)
    assert found is not None
    assert len(found.entries) == MOST
    assert (found.entries[0].at, found.entries[-1].at) == ("0", str(MOST + 4))
    assert [each.sid for each in journal.all()] == [number.sid]


@pytest.mark.parametrize(
    ("text", "like", "number"),
    [
        ("+43 1 234 56-78", "", OURS), ("0043 1 2345678", "", OURS), ("01 2345678", "+4315550100", OURS),
        ("(415) 555-2671", "+14155550100", "+14155552671"), ("tel:+43-1-2345678", "", OURS),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(text: str, like: str, number: str) -> None:
    """Blanks, brackets and 00 are not worth an error."""
    assert read_number(text, like) == number


@pytest.mark.parametrize("text", ["", "01 2345678", "hello", "+1", "+4312345678 ext. 5", "+999123456789", "9" * 60])
def test_what_is_no_number_is_refused_with_an_example(text: str) -> None:
    """Guessing a country would connect somebody else's idea of the number."""
    with pytest.raises(ConfigError):
        read_number(text)
