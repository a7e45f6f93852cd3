"""Webhooks are signed, bounded, and go nowhere but where they were sent."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from stella.adapters.notify import WebhookDelivery
from stella.adapters.notify.webhook import check_url, explain
from stella.domain.agent import NotifyTarget
from stella.ports.failure import ProviderError, Rejected, Unavailable
from stella.ports.store import Notice

NOTICE = Notice("k", "CA1", "call_back", "Rückruf", "Bitte", {"number": "+43664"})
SECRET = "whsec_" + base64.b64encode(b"a key of some length").decode()


class HookSink:
    """A receiver that answers as told."""

    def __init__(self) -> None:
        self.status, self.headers, self.delay = 200, {}, 0.0
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        """Any path."""
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        await asyncio.sleep(self.delay)
        return web.Response(status=self.status, headers=self.headers, text="thank you" * 100)


@pytest.fixture
async def sink() -> AsyncIterator[HookSink]:
    """A receiver on a free port."""
    found = HookSink()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/hook"
    yield found
    await runner.cleanup()


@pytest.fixture
async def way() -> AsyncIterator[WebhookDelivery]:
    """As in development, with little patience."""
    async with aiohttp.ClientSession() as session:
        yield WebhookDelivery(session, allow_loopback=True, deadline=0.3)


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), "no base64 at all!"])
async def test_a_receiver_can_prove_who_sent_it(sink, way, secret) -> None:
    """The reference library of the receiver's side is the judge."""
    await way.deliver(NOTICE, NotifyTarget("webhook", sink.url, secret), "msg_1")
    headers, body = sink.got[0]
    judge = Webhook(secret if secret.startswith(("whsec_", "YS")) else secret.encode())
    shown = judge.verify(body, headers)
    assert headers["webhook-id"] == "msg_1"
    assert shown["type"] == "stella.call_back"
    assert shown["data"] == {
        "key": "k",
        "call_sid": "CA1",
        "kind": "call_back",
        "subject": "Rückruf",
        "text": "Bitte",
        "fields": {"number": "+43664"},
    }


async def test_without_a_secret_nothing_pretends_to_be_signed(sink, way) -> None:
    """A signature with an empty key would be worse than none."""
    await way.deliver(NOTICE, NotifyTarget("webhook", sink.url), "msg_1")
    assert "webhook-signature" not in sink.got[0][0]
    assert json.loads(sink.got[0][1])["data"]["key"] == "k"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(sink, way, status) -> None:
    """A receiver must not send callers' messages on to somebody else."""
    sink.status, sink.headers = status, {"Location": sink.url}
    with pytest.raises(Rejected, match=f"http-{status}"):
        await way.deliver(NOTICE, NotifyTarget("webhook", sink.url), "msg_1")
    assert len(sink.got) == 1


async def test_a_slow_or_absent_receiver_is_tried_later(sink, way) -> None:
    """A deadline, and an error without the address."""
    sink.delay = 5.0
    with pytest.raises(Unavailable, match="timeout"):
        await way.deliver(NOTICE, NotifyTarget("webhook", sink.url), "msg_1")
    with pytest.raises(Unavailable) as failed:
        await way.deliver(NOTICE, NotifyTarget("webhook", "http://127.0.0.1:1/hook?key=s3cret"), "msg_1")
    assert failed.value.code == "unreachable"
    assert "s3cret" not in str(failed.value)


async def test_what_is_too_large_stays_in_the_house(sink, way) -> None:
    """A bound on everything that leaves."""
    with pytest.raises(Rejected, match="too-large"):
        await way.deliver(Notice("k", "CA1", "m", "s", "x" * 300_000), NotifyTarget("webhook", sink.url), "msg_1")
    assert sink.got == []


def test_statuses_mean_what_they_say() -> None:
    """2xx is delivered; 408, 425, 429 and 5xx are worth another try, with the patience the receiver asks for."""
    now = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
    meaning = {status: explain(status, "", now) for status in range(200, 600)}
    assert all((meaning[status] is None) == (status < 300) for status in meaning)
    again = {status for status, failed in meaning.items() if isinstance(failed, Unavailable)}
    assert again == {408, 425, 429, *range(500, 600)}

    def patience(header: str) -> float | None:
        failed = explain(429, header, now)
        assert isinstance(failed, Unavailable)
        return failed.retry_after

    assert patience("120") == 120.0
    assert patience(format_datetime(now + timedelta(hours=2), usegmt=True)) == 7200.0
    assert patience(format_datetime(now - timedelta(hours=2), usegmt=True)) == 0.0
    assert [patience(odd) for odd in ("", "soon", "-5", "9" * 40, "١٢")] == [None, None, None, None, 12.0]


@pytest.mark.parametrize(
    ("url", "development", "code"),
    [
        ("https://example.com/hook", False, None),
        ("https://127.0.0.1/hook", False, None),
        ("http://127.0.0.1:9/hook", True, None),
        ("http://localhost/hook", True, None),
        ("http://[::1]/hook", True, None),
        ("http://127.0.0.1/hook", False, "not-https"),
        ("http://example.com/hook", True, "not-https"),
        ("http://localhost.example.com/", True, "not-https"),
        ("https://user:pw@example.com/", False, "bad-url"),
        ("https://169.254.169.254/latest", False, "forbidden-address"),
        ("https://[fe80::1]/", False, "forbidden-address"),
        ("file:///etc/passwd", True, "bad-url"),
        ("https://[::1/", False, "bad-url"),
        ("https://example.com:99999/", False, "bad-url"),
        ("", False, "bad-url"),
    ],
)
def test_only_https_leaves_the_house(url, development, code) -> None:
    """Plain http is for this machine in development; nothing reaches a cloud's metadata."""
    if code is None:
        check_url(url, allow_loopback=development)
        return
    with pytest.raises(ProviderError) as failed:
        check_url(url, allow_loopback=development)
    assert failed.value.code == code
    assert not url or url not in str(failed.value)
