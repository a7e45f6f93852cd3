"""Proves from the outside that a deployment answers a call: one check after the other, each with cause and mend."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp

from stella.phone.context import completed_fields
from stella.phone.form import Account, CallForm
from stella.phone.verify_answer import TIME, TWIML, check_answer, check_time
from stella.phone.verify_call import SOUND, STATUS, check_call
from stella.phone.verify_findings import Line, Tell
from stella.phone.verify_http import ask
from stella.phone.verify_locks import FORGED, GENUINE, check_locks
from stella.phone.verify_network import check_network
from stella.phone.verify_order import FINDINGS, Deadlines, Inspection, Order, status_url_of
from stella.phone.verify_route import CHECK as ROUTE
from stella.phone.verify_route import check_route
from stella.phone.verify_stream import ADDRESS, HANDSHAKE, check_stream
from stella.wire.signature import sign_form

__all__ = ["CHECKS", "FINDINGS", "Deadlines", "Order", "verify"]

CHECKS = (
    "name", "connection", "certificate", ROUTE, FORGED, GENUINE, TWIML, TIME, ADDRESS, HANDSHAKE, SOUND, STATUS,
)  # fmt: skip
"""Every check, in the order in which it is made."""


def _nobody(_line: Line) -> None:
    """Shows nothing."""


async def verify(order: Order, tell: Tell = _nobody) -> list[Line]:
    """Check the deployment and report every check, also those that were skipped. Raises nothing for what it does wrong.

    `tell` sees each line as it comes. The calls and sockets it opens are ended; one finished call record stays behind.
    """
    tls = order.tls or ssl.create_default_context()
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, force_close=True),
        auto_decompress=False,
        skip_auto_headers={"Accept"},
    ) as session:
        form = CallForm(account=_account(order))
        look = Inspection(order, session, tell, form)
        try:
            async with asyncio.timeout(order.deadlines.whole_s):
                await _look(look)
        except TimeoutError:
            look.find("out-of-time", _next_check(look), f"the check took longer than {order.deadlines.whole_s:g} s")
        await _leave_no_call_open(look)
    failed = next((line.check for line in look.lines if line.result == "fail"), "")
    done = {line.check for line in look.lines}
    for check in CHECKS:
        if check not in done and _concerns(order, check):
            look.note(check, "skipped", f"after {failed}" if failed else "not reached")
    return look.lines


async def _look(look: Inspection) -> None:
    order = look.order
    for line in await check_network(order.place, "", order.deadlines.connect_s, order.tls):
        look.add(line)
    if not order.place.tls and not order.place.local:
        look.find("plain-http", "certificate", f"{order.url} is not encrypted")
    if any(line.result == "fail" for line in look.lines):
        return
    unsigned = await check_route(look)
    if unsigned is None or not await check_locks(look, unsigned):
        return
    readable = check_answer(look)
    await check_time(look)
    if readable and look.stream is not None and await check_stream(look, look.stream):
        await check_call(look)


async def _leave_no_call_open(look: Inspection) -> None:
    """A webhook that was let in began a record; where no call followed, the status callback ends it."""
    if look.answer is None or look.rung:
        return
    look.form.status = "completed"
    fields = look.form.fields(**completed_fields(None, 0.0))
    token = look.account.auth_token
    await ask(
        look.session,
        status_url_of(look.voice_url),
        fields,
        login=look.login_for(look.voice_url),
        signature=sign_form(token, status_url_of(look.signed_as or look.voice_url), fields.items()) if token else "",
        total_s=look.order.deadlines.connect_s,
    )  # fmt: skip


def _account(order: Order) -> Account:
    return Account(order.auth_token, order.account_sid, order.from_, order.to)


def _concerns(order: Order, check: str) -> bool:
    return check != "certificate" or order.place.tls


def _next_check(look: Inspection) -> str:
    done = {line.check for line in look.lines}
    return next((check for check in CHECKS if check not in done and _concerns(look.order, check)), STATUS)
