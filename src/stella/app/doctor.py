"""Examines this installation, one check after the other; what cannot be examined does not stop the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from stella.adapters.twilio import TwilioRest
from stella.app.doctor_call import check_call
from stella.app.doctor_doors import check_refusals
from stella.app.doctor_examination import Examination
from stella.app.doctor_house import check_agents, check_database, check_models, check_settings, check_voices
from stella.app.doctor_keys import check_keys
from stella.app.doctor_machine import (
    check_clock,
    check_data_dir,
    check_libraries,
    check_port,
    check_python,
    check_way_out,
)
from stella.app.doctor_money import check_money
from stella.app.doctor_pages import check_pages
from stella.app.doctor_twilio import Open, check_public_url, check_twilio
from stella.phone.verify_findings import Line, Tell

Check = Callable[[Examination], None]

_BEFORE: tuple[Check, ...] = (
    check_python, check_libraries, check_settings, check_agents, check_models, check_voices,
    check_data_dir, check_database, check_money, check_port, check_way_out, check_clock,
)  # fmt: skip


def _nobody(_line: Line) -> None:
    """Shows nothing."""


async def examine(
    environ: Mapping[str, str], tell: Tell = _nobody, *, call: bool = True, opened: Open = TwilioRest
) -> list[Line]:
    """Everything there is to know; `tell` sees each line as it comes. Changes nothing. Raises nothing for what it finds.

    `opened` makes Twilio's side of an account.
    """
    look = Examination(environ, tell)
    for check in _BEFORE:
        await _survive(look, asyncio.to_thread(check, look))
    await _survive(look, check_pages(look))
    await _survive(look, check_keys(look))
    await _survive(look, check_public_url(look))
    await _survive(look, asyncio.to_thread(check_twilio, look, opened))
    # Before the call to itself, which must not be among what is found.
    await _survive(look, check_refusals(look))
    if call:
        await _survive(look, check_call(look))
    return look.lines


async def _survive(look: Examination, check: Awaitable[None]) -> None:
    """A doctor does not die of a patient: whatever a check did not expect is a finding, and the next one follows."""
    try:
        await check
    except Exception as error:  # noqa: BLE001 the whole point
        look.find("check-broken", "doctor", f"{type(error).__name__}: {error}"[:200])
