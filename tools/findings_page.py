"""Writes docs/reference/findings.md from the tables of `stella verify` and `stella doctor`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from stella.app.doctor_alerts import ALERTS, OTHER
from stella.app.doctor_findings import FINDINGS as DOCTOR
from stella.phone.verify_findings import Known
from stella.phone.verify_order import FINDINGS as VERIFY

PAGE = Path(__file__).resolve().parent.parent / "docs/reference/findings.md"

_HEAD = """\
# Findings

Made by `tools/findings_page.py` from the code; do not edit. Each finding of `stella verify` and `stella doctor` by its
code: what it means for callers, its cause, its mend. A `fail` makes the command end with exit code 1, a `warn` does not.
How to use them: [Prove that a deployment answers calls](../how-to/verify.md).
"""


def page() -> str:
    """The whole page."""
    alerts = {*ALERTS, OTHER.code}
    own = [known for code, known in DOCTOR.items() if code not in alerts]
    return "\n".join(
        [
            _HEAD,
            *_part("Found by `stella verify`: a deployment, from the outside", VERIFY.values()),
            *_part("Found by `stella doctor`: this installation", own),
            *_part("Twilio's alerts, as `stella doctor` explains them", [*ALERTS.values(), OTHER]),
        ]
    )


def _part(title: str, findings: Iterable[Known]) -> list[str]:
    lines = [f"## {title}", ""]
    for known in findings:
        lines += [f"### {known.code}", ""]
        lines += [f"*{known.result}* · {_safe(known.means)}", ""]
        lines += [f"- **Cause:** {_safe(known.cause)}", f"- **Mend:** {_safe(known.mend)}", ""]
    return lines


def _safe(text: str) -> str:
    """Angle brackets are no HTML here."""
    return text.replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
