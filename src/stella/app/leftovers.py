"""Numbers that a `stella dev` connected and could not put back, because it was killed or the network was gone."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from stella.adapters.twilio import changes
from stella.app.number_journal import Kept, NumberJournal
from stella.app.numbers_desk import NumbersDesk, desk_of
from stella.app.settings import Settings
from stella.domain.errors import ConfigError
from stella.ports.failure import ProviderError


def leftovers(journal: NumberJournal) -> list[Kept]:
    """The numbers whose newest change is of a `stella dev` that no longer runs. Raises ConfigError."""
    return [kept for kept in journal.all() if kept.entries[-1].by == "dev" and not _runs(kept.entries[-1].pid)]


def offer_leftovers(settings: Settings, say: Callable[[str], None]) -> None:
    """Ask, and put them back; where nobody can be asked, put them back. What fails is said and stops nothing."""
    try:
        for kept in leftovers(NumberJournal(settings.data_dir)):
            say(f"{kept.phone_number} still points at the tunnel of a `stella dev` that ended without putting it back.")
            if not sys.stdin.isatty() or typer.confirm("Put back what it was set to before?", default=True):
                put_back(desk_of(settings, say), kept, say)
    except ConfigError as wrong:
        say(str(wrong))


def put_back(desk: NumbersDesk, kept: Kept, say: Callable[[str], None]) -> None:
    """Undo the newest change of this number, unless somebody else has changed it since. Says what came of it."""
    later = f"`stella numbers restore {kept.phone_number}` puts back what was there before."
    try:
        now = desk.rest.fetch(kept.sid)
        if drift := changes(kept.entries[-1].after, now.settings):
            say(
                f"{kept.phone_number}: somebody has set {', '.join(each.label for each in drift)} since; left so. {later}"
            )
            return
        left = desk.change.put_back(kept, now).left
    except ProviderError as fault:
        say(f"{kept.phone_number} could not be put back: {fault.detail or fault} Later, {later}")
        return
    say(f"{kept.phone_number}: not everything was put back. {later}" if left else f"{kept.phone_number} is put back.")


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        # This start has connected nothing yet: in a container the one before it bore the same number.
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
