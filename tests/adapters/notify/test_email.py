"""E-mail goes out as people can read it, and fails without repeating anything."""

from __future__ import annotations

import asyncio
import email
from dataclasses import replace
from datetime import UTC, datetime
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella.adapters.notify import EmailDelivery, SmtpSettings
from stella.adapters.notify.email import compose
from stella.domain.agent import NotifyTarget
from stella.domain.errors import ConfigError
from stella.ports.failure import Rejected, Unavailable
from stella.ports.store import Notice

TO = NotifyTarget("email", "buero@example.com")
NOTICE = Notice(
    "k", "CA1", "message", "Nachricht von Frau Größl", "Bitte um Rückruf.\n", {"number": "+43664", "name": "Größl"}
)
NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def delivery(sink, **fields) -> EmailDelivery:
    """To the sink, without TLS."""
    settings = SmtpSettings(
        "127.0.0.1", "STELLA <stella@example.com>", sink.port, **{"security": "none", "step": 2.0, **fields}
    )
    return EmailDelivery(settings, clock=lambda: NOW)


async def test_a_message_arrives_whole(sink) -> None:
    """Umlauts, fields, and an id that is the same at every attempt, so that twice delivered is once read."""
    way = delivery(sink)
    await way.deliver(NOTICE, TO, "msg_1")
    await way.deliver(NOTICE, TO, "msg_1")
    await way.close()
    first, second = (email.message_from_bytes(one, policy=default) for one in sink.messages)
    assert first["Subject"] == "Nachricht von Frau Größl"
    assert first["Message-ID"] == second["Message-ID"] == "<msg_1@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["To"] == "buero@example.com"
    body = first.get_content()
    assert body.startswith("Bitte um Rückruf.")
    assert "number: +43664\r\nname: Größl" in body
    assert "MAIL FROM:<stella@example.com>" in " ".join(sink.commands).upper().replace(
        "STELLA@EXAMPLE.COM", "stella@example.com"
    )


@pytest.mark.parametrize(
    ("word", "reply", "kind", "code"),
    [
        ("RCPT", "550 +43664 no such user", Rejected, "recipient-refused"),
        ("RCPT", "450 greylisted", Unavailable, "recipient-refused"),
        ("MAIL", "421 busy", Unavailable, "smtp-421"),
        ("MAIL", "553 sender refused", Rejected, "smtp-553"),
        ("BODY", "554 Frau Huber looks like spam", Rejected, "smtp-554"),
        ("BODY", "452 full", Unavailable, "smtp-452"),
        ("AUTH", "535 wrong s3cret", Rejected, "login-refused"),
    ],
)
async def test_the_servers_no_is_told_from_its_not_now(sink, word, reply, kind, code) -> None:
    """A 4xx is tried again, a 5xx is not for long; the server's own text may hold a message and is left out."""
    sink.replies[word] = reply
    way = delivery(sink, user="u" if word == "AUTH" else "")
    with pytest.raises(kind) as failed:
        await way.deliver(NOTICE, TO, "msg_1")
    await way.close()
    assert failed.value.code == code
    for secret in ("664", "Huber", "s3cret"):
        assert secret not in str(failed.value)


async def test_a_server_without_starttls_gets_no_message(sink) -> None:
    """Messages of callers do not travel in the clear because a server forgot something."""
    way = delivery(sink, security="starttls")
    with pytest.raises(Rejected, match="not-supported"):
        await way.deliver(NOTICE, TO, "msg_1")
    await way.close()
    assert sink.messages == []


async def test_a_server_that_is_away_or_silent_is_tried_later(sink) -> None:
    """No connection and no answer are the weather, not a no."""
    way = delivery(sink, step=0.1)
    sink.hang.clear()
    with pytest.raises(Unavailable, match="SMTPServerDisconnected"):
        await way.deliver(NOTICE, TO, "msg_1")
    await way.close()
    gone = EmailDelivery(SmtpSettings("127.0.0.1", "a@example.com", 1, security="none"))
    with pytest.raises(Unavailable, match="unreachable"):
        await gone.deliver(NOTICE, TO, "msg_1")
    await gone.close()


async def test_closing_cuts_a_conversation_short(sink) -> None:
    """A stop must not wait for a mail server's patience."""
    way = delivery(sink, step=30.0)
    sink.hang.clear()
    task = asyncio.create_task(way.deliver(NOTICE, TO, "msg_1"))
    while not way._open:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)
    await way.close()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(task, 5)


def test_a_password_never_travels_in_the_clear() -> None:
    """The setting is refused at the start, not at the first message."""
    with pytest.raises(ConfigError, match="clear"):
        EmailDelivery(SmtpSettings("h", "a@example.com", user="u", password="p", security="none"))
    with pytest.raises(ConfigError, match="STELLA_SMTP_FROM"):
        EmailDelivery(SmtpSettings("h", "nobody"))


@given(
    st.builds(
        Notice, st.text(), st.text(), st.text(), st.text(), st.text(), st.dictionaries(st.text(), st.text(), max_size=3)
    )
)
def test_whatever_a_caller_says_stays_in_the_body(notice) -> None:
    """No word of a caller becomes a header (D04), or keeps the message from being written."""
    message = compose(notice, "desk@example.com", "stella@example.com", "msg_1", NOW)
    read = email.message_from_bytes(message.as_bytes(), policy=default)
    wanted = {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
    assert set(read.keys()) - {"Content-Transfer-Encoding"} == wanted
    assert read["To"] == "desk@example.com"
    assert not read.is_multipart()


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@example.com, b@example.com", "a@example.com\r\nBcc: x@example.com", "A <a@b.c>"]
)
def test_only_one_plain_address_is_written_to(address) -> None:
    """An address is one address."""
    with pytest.raises(ValueError, match="address"):
        compose(NOTICE, address, "stella@example.com", "msg_1", NOW)


def test_an_appointment_goes_along_as_one() -> None:
    """A calendar takes it with one tap; it is not in the words, and its lines cannot leave it."""
    ics = "BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nEND:VCALENDAR\r\n"
    notice = replace(NOTICE, fields={"begin": "2026-12-01T10:00:00+00:00", "ics": ics})
    message = compose(notice, "desk@example.com", "stella@example.com", "msg_1", NOW)
    body, attached = message.iter_parts()
    assert "VCALENDAR" not in body.get_content() and "2026-12-01" in body.get_content()
    assert attached.get_content_type() == "text/calendar" and attached.get_param("method") == "PUBLISH"
    assert attached.get_content().split() == ics.split() and attached.get_filename() == "appointment.ics"
