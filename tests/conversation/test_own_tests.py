"""Every machine of the core is proven by its own test file, and the tool that says so can say the contrary."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def told_by(script: str) -> str:
    """What a program in the workshop prints."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, 'tools'); {script}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=240).stdout


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_line_and_branch_of_the_core_is_taken_by_its_own_tests() -> None:
    """A machine whose proof is spread over the tests of others cannot be changed by itself. `python tools/own_tests.py
    NAME` says what is missing."""
    command = [sys.executable, "tools/own_tests.py"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_is_not_taken_is_told(tmp_path: Path) -> None:
    """With its place; so is a file without tests, and one whose tests fail."""
    ask = f"import pathlib, own_tests; own_tests.TESTS = pathlib.Path({str(tmp_path)!r});"
    ask += "print(own_tests.complaint('silence'))"
    tests = tmp_path / "test_silence.py"
    assert told_by(ask) == "silence: has no test file of its own\n"
    tests.write_text("def test_wrong():\n    assert False\n")
    assert told_by(ask) == "silence: its own tests fail (pytest says 1)\n"
    tests.write_text("from stella.conversation.silence import Silence\n\ndef test_thin():\n    assert Silence(None)\n")
    assert told_by(ask).startswith("silence: not taken by tests/conversation/test_silence.py: lines ")


@pytest.mark.slow
def test_a_change_of_any_kind_is_made_once_in_every_place() -> None:
    """The mutants are the text with one difference each, all different, and none is the text itself."""
    sources = ast.literal_eval(told_by("import mutants; print([each.source for each in mutants.mutants('limits')])"))
    plain = ast.unparse(ast.parse((ROOT / "src/stella/conversation/limits.py").read_text()))
    assert len(sources) > 20
    assert len(set(sources)) == len(sources)
    assert plain not in sources
    for source in sources:
        changed = [pair for pair in zip(plain.splitlines(), source.splitlines(), strict=False) if pair[0] != pair[1]]
        assert changed
