"""An installation to examine, and a Twilio that says what it is told to say."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from stella.adapters.twilio import Alert, NumberSettings
from stella.adapters.twilio.number import LABELS
from stella.app.doctor_examination import Examination
from stella.app.doctor_house import check_settings
from stella.phone.reach import STATUS_PATH, VOICE_PATH

ACCOUNT, TOKEN, NUMBER = "AC" + "a" * 32, "0123456789abcdef0123456789abcdef", "+4312345678"
PUBLIC = "https://stella.example.com"


class Twilio:
    """Twilio's side. Each question first raises `fault`, where there is one."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.asked: list[str] = []
        self.noticed: list[Alert] = []
        self.numbers = {NUMBER: {
            "voice_url": PUBLIC + VOICE_PATH, "voice_method": "POST", "status_callback": PUBLIC + STATUS_PATH,
            "status_callback_method": "POST", "voice_fallback_url": "https://handler.twilio.com/twiml/EH1",
        }}  # fmt: skip

    def __call__(self, account) -> Twilio:
        """Opened for an account."""
        self.asked.append(account.opened_by)
        return self

    def _maybe(self) -> None:
        if self.fault is not None:
            raise self.fault

    def name(self) -> str:
        self._maybe()
        return "Vintaro"

    def find(self, phone_number: str) -> NumberSettings | None:
        self._maybe()
        if phone_number not in self.numbers:
            return None
        settings = dict.fromkeys(LABELS, "") | self.numbers[phone_number]
        return NumberSettings("PN1", ACCOUNT, phone_number, "", True, MappingProxyType(settings))

    def alerts(self, since: datetime) -> list[Alert]:
        self._maybe()
        return self.noticed

    def notice(self, *codes: int) -> None:
        """It went wrong."""
        when = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self.noticed += [Alert(code, "error", when, PUBLIC + VOICE_PATH) for code in codes]


@pytest.fixture
def twilio() -> Twilio:
    """A Twilio at which all is well."""
    return Twilio()


@pytest.fixture
def environ(tmp_path) -> dict[str, str]:
    """The environment of a sound installation."""
    return {
        "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_NUMBER": NUMBER, "STELLA_PUBLIC_URL": PUBLIC,
        "STELLA_DATA_DIR": str(tmp_path / "data"), "STELLA_AGENT": "bench", "STELLA_SERVER_PORT": "0", "PATH": "/usr/bin",
    }  # fmt: skip


class Found:
    """What checks find in an environment."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.look = Examination(environ, lambda _line: None)
        check_settings(self.look)

    def by(self, check, *more) -> list[str]:
        """The codes of what this check finds."""
        before = len(self.look.lines)
        check(self.look, *more)
        return [line.code for line in self.look.lines[before:] if line.code]

    @property
    def codes(self) -> list[str]:
        """All codes so far."""
        return [line.code for line in self.look.lines if line.code]

    @property
    def seen(self) -> str:
        """All that was seen and said."""
        return "\n".join(f"{line.seen} {line.mend}" for line in self.look.lines)


@pytest.fixture
def found():
    """Begins an examination of an environment: its settings are checked at once."""
    return Found
