"""The prices on the page are those STELLA reckons with."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from stella.app.prices import FILE, price_list

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/what-it-costs.md").read_text("utf-8")
RATES = {
    "ears: Deepgram": "stt:deepgram", "ears: Twilio (`gather`)": "stt:gather", "voice: ElevenLabs": "tts:elevenlabs",
    "voice: Deepgram": "tts:deepgram",
}  # fmt: skip


def test_the_table_of_engines_is_that_of_the_file() -> None:
    """Each figure, and the star of what nobody has seen at the vendor's."""
    tree: dict[str, Any] = tomllib.loads(FILE.read_text("utf-8"))
    seen = {**{p["model"]: p["verified"] for p in tree["price"]}, **{r["for"]: r["verified"] for r in tree["rate"]}}
    rows = re.findall(r"^\| (ears|voice|model): (.+?) \| ([\d./ ]+?)( \*)? \|", PAGE, re.MULTILINE)
    assert len(rows) == 7
    for kind, name, figures, star in rows:
        what = name.strip("`") if kind == "model" else RATES[f"{kind}: {name}"]
        told = [float(figure) for figure in figures.split("/")]
        if kind == "model":
            price = price_list().model(what, date(2026, 11, 30))
            assert price is not None and told == [price.sent, price.written], what
        else:
            rate = price_list().rate(what)
            assert rate is not None and told == [rate.usd], what
        assert bool(star) == (seen[what] == "no"), what


def test_the_example_of_a_file_is_one(tmp_path: Path) -> None:
    """Copied from the page, it works."""
    own = tmp_path / "prices.toml"
    own.write_text(re.findall(r"```toml\n(\[\[price.*?)```", PAGE, re.DOTALL)[0])
    assert price_list(own).model("azure:my-deployment", date(2026, 12, 1)) is not None
    assert price_list(own).of("carrier:receive", 60, date(2026, 12, 1)) == 0.01


def test_the_worked_example_reckons_with_the_same_carrier() -> None:
    """One price of a minute, not two."""
    for what in ("carrier:receive", "carrier:stream"):
        rate = price_list().rate(what)
        assert rate is not None and f"{rate.usd:.4f} a minute" in PAGE
