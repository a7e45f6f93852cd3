"""What `stella call` prints can be read in the order in which it happened."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from stella.app.commands.call_show import Show
from stella.phone import Meters
from stella.phone.report import Fault, StreamRun, VerbRun


def test_words_that_are_known_late_say_that_they_were_said_before() -> None:
    """The goodbye stood under `<Hangup>`, as if the agent had spoken to nobody."""
    out = StringIO()
    show = Show(Console(file=out, width=200), Meters(), quiet=False, number="+4312345678")
    show.agent_said("How can I help you?", 0.0, "")
    show.entry(StreamRun("ws://x", "MZ1", 1.0, closed_s=9.0, closed_by="server"))
    show.entry(Fault(9.0, 31921, "warning", "the server closed the stream (1000)"))
    show.entry(VerbRun(9.0, "Hangup", {}))
    show.agent_said("Goodbye!", 7.0, "")
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("How can I help you?")
    assert lines[-1].endswith("Goodbye!  (before the stream closed)")
    assert any("31921" in line and "as it does after a goodbye" in line for line in lines)
