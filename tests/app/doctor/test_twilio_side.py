"""What Twilio has for the account and its number, against what this installation believes."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.app.doctor.conftest import ACCOUNT, NUMBER, PUBLIC, TOKEN

from stella.adapters.twilio import TwilioAccount, TwilioRest
from stella.app.doctor_twilio import check_twilio
from stella.phone.reach import VOICE_PATH
from stella.ports.failure import Rejected, Unavailable


def test_a_number_that_is_well_connected_has_no_finding(environ, found, twilio):
    """And the auth token is tried for itself."""
    look = found(environ)
    assert look.by(check_twilio, twilio) == []
    assert twilio.asked == ["TWILIO_AUTH_TOKEN"] * 2


def test_connection_overrides_behind_a_hash_are_twilios_own_business(environ, found, twilio):
    """`stella numbers connect` writes them; they are neither sent nor signed."""
    twilio.numbers[NUMBER]["voice_url"] += "#rc=1&rt=7000"
    assert found(environ).by(check_twilio, twilio) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"voice_url": "https://old.example.com" + VOICE_PATH}, "number-other-url"),
        ({"voice_url": ""}, "number-other-url"),
        ({"voice_method": "GET"}, "number-method"),
        ({"voice_application_sid": "AP" + "1" * 32}, "number-app"),
        ({"trunk_sid": "TK" + "1" * 32}, "number-app"),
        ({"voice_receive_mode": "fax"}, "number-fax"),
        ({"status_callback": ""}, "number-no-status"),
        ({"voice_fallback_url": ""}, "number-no-fallback"),
        ({"voice_fallback_url": PUBLIC + "/api/stella/call/fallback"}, "number-fallback-here"),
    ],
)
def test_each_setting_that_keeps_calls_away_is_named(environ, found, twilio, change, code):
    """In the console they stand on three different pages."""
    twilio.numbers[NUMBER] |= change
    assert found(environ).by(check_twilio, twilio) == [code]


def test_a_number_of_somebody_else(environ, found, twilio):
    """One digit off."""
    twilio.numbers.clear()
    assert found(environ).by(check_twilio, twilio) == ["number-not-found"]


def test_a_token_that_twilio_refuses(environ, found, twilio):
    """The sentence is the adapter's, the token nobody's."""
    twilio.fault = Rejected("twilio", "credentials", "Twilio does not know this token.")
    look = found(environ)
    assert set(look.by(check_twilio, twilio)) == {"twilio-credentials"}
    assert TOKEN not in look.seen


def test_both_tokens_of_a_rotation_are_tried(environ, found, twilio):
    """The second one is needed in the very moment of the change."""
    look = found(environ | {"TWILIO_AUTH_TOKEN": f"{TOKEN},{TOKEN[::-1]}"})
    assert look.by(check_twilio, twilio) == []
    assert "number 2" in look.seen


def test_an_offline_machine_is_told_what_was_not_compared(environ, found, twilio):
    """Not a failure: perhaps it is meant to be offline."""
    twilio.fault = Unavailable("twilio", "no-network", "No way to api.twilio.com.")
    assert found(environ).by(check_twilio, twilio) == ["twilio-unreachable"]


def test_without_an_account_nothing_is_asked(environ, found, twilio):
    """The embedded engine needs none."""
    del environ["TWILIO_ACCOUNT_SID"]
    assert found(environ).by(check_twilio, twilio) == []
    assert twilio.asked == []


def test_half_an_api_key_is_said(environ, found, twilio):
    """A key is two values."""
    look = found(environ | {"TWILIO_API_KEY": "SK" + "1" * 32})
    assert look.by(check_twilio, twilio) == ["setting-bad"]
    assert "TWILIO_API_SECRET" in look.seen


class TestAlerts:
    """Twilio's own notes, in words."""

    def test_each_is_explained_once_and_counted(self, environ, found, twilio):
        """A day of trouble is a thousand lines in the console."""
        twilio.notice(11200, 31920, 11200, 11200)
        look = found(environ)
        assert look.by(check_twilio, twilio) == ["alert-11200", "alert-31920"]
        assert "11200, 3 times, last 2026-11-23 12:00 UTC" in look.seen

    def test_the_code_of_every_intended_end_is_no_finding(self, environ, found, twilio):
        """31921 is logged whenever a stream is closed properly."""
        twilio.notice(31921)
        look = found(environ)
        assert look.by(check_twilio, twilio) == []
        assert "31921" in look.seen

    def test_one_that_nobody_foresaw_leads_to_twilios_page(self, environ, found, twilio):
        """The list grows."""
        twilio.notice(64101)
        look = found(environ)
        assert look.by(check_twilio, twilio) == ["alert-other"]
        assert "https://www.twilio.com/docs/api/errors/64101" in look.seen

    def test_they_are_read_by_the_official_library(self):
        """Whatever is missing or strange in an entry, it is read, and the query of a URL is left behind."""
        answer = {
            "alerts": [
                {"error_code": "11200", "log_level": "error", "date_generated": "2026-11-23T12:00:00Z",
                 "request_url": f"{PUBLIC}{VOICE_PATH}?From=%2B43660", "sid": "NO1"},
                {"error_code": None, "log_level": None, "date_generated": None, "request_url": None, "sid": "NO2"},
            ],
            "meta": {"key": "alerts", "next_page_url": None, "page": 0, "page_size": 100},
        }  # fmt: skip
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                body = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_) -> None:
                """Nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        try:
            base = f"http://127.0.0.1:{server.server_port}"
            alerts = TwilioRest(TwilioAccount(ACCOUNT, TOKEN, base=base)).alerts(datetime(2026, 11, 20, tzinfo=UTC))
        finally:
            server.shutdown()
            server.server_close()
        assert [(alert.code, alert.url) for alert in alerts] == [(11200, PUBLIC + VOICE_PATH), (0, "")]
        assert asked[0].startswith("/v1/Alerts?")
        assert "StartDate=2026-11-20" in asked[0]
