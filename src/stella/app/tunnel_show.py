"""What a person sees of a tunnel: the addresses, large, and as a QR code for the telephone in their hand."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from stella.app.qr import LONGEST, as_text, qr
from stella.app.webhook_addresses import Place


def show_open(console: Console, url: str, number: str, browser_note: str) -> None:
    """The public URL and where it goes in Twilio. With `number` (connected) the code rings it."""
    place = Place("tunnel", url)
    words = Text()
    words.append("STELLA can be reached at\n\n")
    words.append(f"  {url}\n\n", "bold")
    words.append("  A CALL COMES IN   ").append(f"{place.voice}", "bold").append("  (HTTP POST)\n")
    words.append("  Status callback   ").append(f"{place.status}", "bold").append("  (HTTP POST)\n\n")
    if number:
        words.append("Ring ").append(number, "bold").append(". What it was set to comes back when this ends.")
    else:
        words.append("`--connect` sets a number to it and puts it back at the end; or set the two yourself.")
    if browser_note:
        words.append(f"\n{browser_note}", "dim")
    if console.is_terminal:
        console.rule(style="green")
    # No frame around it: an address that is cut off or folded cannot be copied.
    console.print(words, soft_wrap=True)
    code = f"tel:{number}" if number else f"{url}/health"
    if console.is_terminal and console.encoding.lower().startswith("utf") and len(code.encode()) <= LONGEST:
        console.print(Text(as_text(qr(code)), "bright_white on black"), highlight=False)
        console.print("Scan to ring it." if number else "Scan to see on your telephone that it is reached.")
