"""Holds each file of the conversation against its own test file, alone: `python tools/own_tests.py [NAME ...]`.

Every file of `src/stella/conversation` that decides anything has all its lines and branches taken by
`tests/conversation/test_NAME.py` and by nothing else. Tests that draw their examples (Hypothesis) do not count: what is
proven must not hang on chance. Each test file runs in a child of this process, which has loaded pytest and no STELLA.
"""

from __future__ import annotations

import ast
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _pytest.assertion.rewrite
import _pytest.python
import coverage
import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
MACHINES = ROOT / "src/stella/conversation"
TESTS = ROOT / "tests/conversation"
LOADED = (_pytest.assertion.rewrite, _pytest.python, hypothesis)
"""What every child needs is loaded before the first is born."""


def decides(path: Path) -> bool:
    """Whether there is anything in a file that could go wrong: declarations alone promise nothing."""
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text())))


def machines(names: list[str]) -> list[str]:
    """The files to hold, by name; all that decide anything if none is named."""
    return names or sorted(path.stem for path in MACHINES.glob("*.py") if decides(path))


def run_own_tests(name: str) -> int:
    """Run the test file of one machine in this process, quietly. Pytest's exit code."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    path = TESTS / f"test_{name}.py"
    options = ["-x", "-q", "-m", "not hypothesis", "-W", "error", "-c", os.devnull, "--rootdir", str(ROOT)]
    plugins = ["-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--import-mode=importlib"]
    return int(pytest.main([*options, *plugins, str(path)]))


def in_child(work: Callable[[], Any]) -> Any:
    """What a child process makes of it; None if it did not come back with an answer."""
    with tempfile.TemporaryFile("w+") as answer:
        child = os.fork()
        if not child:
            code = 1
            try:
                json.dump(work(), answer)
                answer.flush()
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            return None
        answer.seek(0)
        return json.load(answer)


def taken(name: str) -> dict[str, Any]:
    """What the test file of one machine leaves untaken of it."""
    path = MACHINES / f"{name}.py"
    if not (TESTS / f"test_{name}.py").exists():
        return {"fault": "has no test file of its own"}
    watch = coverage.Coverage(branch=True, include=[str(path)], data_file=None, config_file=False)
    watch.start()
    code = run_own_tests(name)
    watch.stop()
    if code:
        return {"fault": f"its own tests fail (pytest says {code})"}
    with tempfile.NamedTemporaryFile("r", suffix=".json") as report:
        watch.json_report(outfile=report.name)
        [found] = json.loads(Path(report.name).read_text())["files"].values()
    return {"lines": found["missing_lines"], "branches": found["missing_branches"]}


def complaint(name: str) -> str | None:
    """What is wrong with one machine's tests, in words; None if nothing is."""
    found = in_child(lambda: taken(name))
    if found is None:
        return f"{name}: its tests could not be run"
    if "fault" in found:
        return f"{name}: {found['fault']}"
    if not found["lines"] and not found["branches"]:
        return None
    said = io.StringIO()
    if found["lines"]:
        said.write(f" lines {', '.join(map(str, found['lines']))}")
    if found["branches"]:
        said.write(f" branches {', '.join(f'{a}->{b}' for a, b in found['branches'])}")
    return f"{name}: not taken by tests/conversation/test_{name}.py:{said.getvalue()}"


def main() -> int:
    """Print every complaint. 1 if there was one."""
    names = machines(sys.argv[1:])
    complaints = [words for name in names if (words := complaint(name)) is not None]
    for words in complaints:
        print(words)
    print(
        f"{len(names) - len(complaints)} of {len(names)} files of the conversation are wholly taken by their own tests"
    )
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
