"""The page of findings cannot lie, and every finding is on it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

from stella.app.doctor_alerts import ALERTS
from stella.app.doctor_findings import FINDINGS as DOCTOR
from stella.phone.verify_order import FINDINGS as VERIFY

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/reference/findings.md"
SOURCES = [*ROOT.glob("src/stella/phone/verify*.py"), *ROOT.glob("src/stella/app/doctor*.py")]


def test_the_page_is_what_the_tables_say():
    """Written from them; run `python tools/findings_page.py` to renew it."""
    assert runpy.run_path(str(ROOT / "tools/findings_page.py"))["page"]() == PAGE.read_text("utf-8")


def test_every_finding_has_its_section():
    """The commands print the address of the section."""
    sections = re.findall(r"^### (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted({*VERIFY, *DOCTOR})


def test_no_code_means_two_things():
    """Scripts and pages go by the code."""
    assert not set(VERIFY) & set(DOCTOR)


def test_every_finding_is_found_somewhere():
    """A section about what never happens is a promise that nobody keeps."""
    text = "".join(path.read_text("utf-8") for path in SOURCES)
    unused = {code for code in {*VERIFY, *DOCTOR} - set(ALERTS) if text.count(f'"{code}"') < 2}
    assert unused == {"alert-other"}


def test_the_alerts_that_matter_are_explained():
    """The codes of failed webhooks and of the media stream's page."""
    codes = {int(code.partition("-")[2]) for code in ALERTS}
    assert {11200, 11205, 11206, 11210, 11215, 11220, 11235, 11236, 11237, 12100, 12300} <= codes
    assert {31901, 31902, 31903, 31910, 31920, 31921, 31922, 31923, 31924, 31930, 31931, 31941, 31950, 31951} <= codes
