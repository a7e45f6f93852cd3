"""The set-up's thinking, without its doing: what is missing, what is done already, what pip is used."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def load(name: str) -> ModuleType:
    """A program of `tools/`, as a module."""
    spec = importlib.util.spec_from_file_location(f"stella_tools_{name}", ROOT / f"tools/{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


setup = load("setup")
lock = load("lock")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project tree with everything the set-up looks at."""
    for name in ("pyproject.toml", "constraints.txt", "constraints-dev.txt"):
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(setup, "STAMP", tmp_path / ".venv/stella-setup.txt")
    return tmp_path


@pytest.mark.parametrize("changed", ["pyproject.toml", "constraints.txt"])
def test_a_changed_pin_or_project_file_is_noticed(tree: Path, changed: str) -> None:
    """Whoever pulls a new version must get its packages without thinking of it."""
    before = setup.fingerprint(["run"], tree)
    (tree / changed).write_text("other\n")
    assert setup.fingerprint(["run"], tree) != before


def test_the_test_tools_do_not_make_a_user_install_again(tree: Path) -> None:
    """`make run` does not care which linter is pinned."""
    before = setup.fingerprint(["run"], tree)
    (tree / "constraints-dev.txt").write_text("other\n")
    assert setup.fingerprint(["run"], tree) == before


def test_what_is_done_is_not_done_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run needs seconds and no network because it starts nothing at all."""
    monkeypatch.setattr(setup, "models_mark", lambda: "here")
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: pytest.fail("something was started"))
    setup.VENV.mkdir()
    setup.write_stamp({"run": setup.fingerprint(["run"]), "models": "here", "root": setup.place(tree)})
    setup.prepare(dev=False)


def test_an_unreadable_stamp_counts_as_none() -> None:
    """A stamp cut off by a power failure must cost a run of pip and not an afternoon."""
    assert setup.stamped("run abc\n\0\nmodels\nroot 1 2\n") == {"run": "abc"}


def test_only_debians_python_is_helped_by_debians_venv() -> None:
    """A Python from elsewhere has its own venv; installing Debian's would change nothing and say it did."""
    missing = setup.missing_packages
    assert missing(has_ensurepip=False, debian_python=True, libraries=["libflite1"]) == ["python3-venv", "libflite1"]
    assert missing(has_ensurepip=False, debian_python=False, libraries=[]) == []
    assert missing(has_ensurepip=True, debian_python=True, libraries=[]) == []


def test_without_any_pip_one_line_says_what_to_ask_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may not install software can still send a sentence to somebody who may."""
    monkeypatch.setattr(setup, "works", lambda _command: False)
    monkeypatch.setattr(setup, "debian_pip", lambda _folder: None)
    with pytest.raises(setup.StopError) as stopped:
        setup.find_pip()
    assert stopped.value.mend.endswith("ask the administrator for: apt-get install python3-venv")


def test_a_failing_step_ends_with_its_name_and_a_mend(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback tells a newcomer nothing; two lines do."""
    (tree / ".gitignore").write_text("")
    monkeypatch.setattr(sys, "argv", ["setup.py"])
    monkeypatch.setattr(
        setup, "prepare", lambda *, dev: setup.run("stepping", [sys.executable, "-c", "exit(3)"], "Step again.")
    )
    assert setup.main() == 1
    assert "stepping: exit code 3\nMend: Step again.\n" in capsys.readouterr().err


def test_a_program_that_is_not_there_is_a_failing_step_too(tree: Path) -> None:
    """The mend is the same whether a program failed or is missing."""
    with pytest.raises(setup.StopError, match="looking"):
        setup.run("looking", [str(tree / "absent")], "Bring it.")


def test_libraries_are_left_to_the_administrator_without_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user must not be asked for a password by a make command."""
    monkeypatch.setattr(setup.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(subprocess, "run", lambda *_a, **_k: pytest.fail("something was started"))
    setup.install_libraries(["libflite1"])


def test_a_moved_tree_gets_a_new_environment(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts of a virtual environment begin with its old path."""
    started: list[list[str]] = []
    (tree / ".venv/bin").mkdir(parents=True)
    (tree / ".venv/bin/python").symlink_to(sys.executable)
    monkeypatch.setattr(setup, "run", lambda _what, command, _mend: started.append(command))
    setup.write_stamp({"root": setup.place(tree / "elsewhere")})
    setup.make_venv()
    assert "--clear" in started[0]


def test_a_constraints_file_reads_back_what_was_written() -> None:
    """`--keep` keeps nothing if the writer and the reader of the file disagree."""
    versions = {"aiohttp": "3.14.5", "zope-a": "1.0+b"}
    text = lock.render("run", versions, {"aiohttp": {"b", "a"}, "zope-a": {"c"}})
    assert lock.pins(text) == versions
    assert text.index("sha256:a") < text.index("sha256:b")


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-dev.txt"])
def test_every_pin_has_a_hash_and_no_place(name: str) -> None:
    """A package without a hash is whatever an index says today; a place would be somebody's private one."""
    text = (ROOT / name).read_text()
    blocks = [block for block in text.split("\n") if "==" in block]
    assert len(blocks) == len(lock.pins(text))
    assert all(line.startswith(("#", "    --hash=sha256:")) or "==" in line for line in text.splitlines())
    assert "://" not in text


def test_every_requirement_is_pinned() -> None:
    """A requirement that was added without `make lock` would be missing on every machine but one."""
    import tomllib

    wanted = lock.requirements(tomllib.loads((ROOT / "pyproject.toml").read_text()))
    pinned = {name for file in lock.FILES.values() for name in lock.pins((ROOT / file).read_text())}
    named = {lock.normal(lock.re.match(r"[A-Za-z0-9._-]+", line)[0]) for lines in wanted.values() for line in lines}
    assert named <= pinned
