"""What the log may show: nothing of a caller and no key, in a terminal as in a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from stella.app.logs import set_up_logs

FORMS = ("console", "json")
TOKEN, NUMBER = "tok-very-secret-abc", "+436601234567"


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Leave the logging of the test run as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(token: str, caller: str) -> None:
    """Fail with secrets in reach."""
    words = f"call me back at {caller}, {token}"
    raise ValueError(f"nobody answers {caller}" if words else "")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("library", [False, True])
def test_a_traceback_shows_where_and_nothing_of_whom(
    form: str, library: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Local variables are what a caller said and the keys of the house; the message of an error may hold a number."""
    set_up_logs("info", form)
    try:
        fail(TOKEN, NUMBER)
    except ValueError:
        if library:
            logging.getLogger("somebody.else").exception("plan-failed")
        else:
            structlog.get_logger("stella.test").exception("plan-failed")
    shown = capsys.readouterr().err
    assert "plan-failed" in shown
    assert "in fail" in shown
    assert "nobody answers (number)" in shown
    assert TOKEN not in shown
    assert NUMBER not in shown


@pytest.mark.parametrize("form", FORMS)
def test_the_name_of_a_call_stays_whole(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is what an operator searches for; a number beside it goes."""
    sid = "CA" + "1234567890" * 3 + "12"
    set_up_logs("info", form)
    structlog.get_logger("stella.test").warning("odd", call_sid=sid, call=sid, why=NUMBER)
    shown = capsys.readouterr().err
    assert shown.count(sid) == 2
    assert NUMBER not in shown
