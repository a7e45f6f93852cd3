"""The rules of the house that no linter knows (CONTRIBUTING.md says why each is there)."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "src/stella").rglob("*.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".sh",
    ".html",
    ".js",
    ".ts",
    ".css",
    ".sql",
    ".svg",
    ".json",
    ".yml",
    ".yaml",
    "",
}
LONGEST_FILE, LONGEST_FUNCTION = 400, 50
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
COMMANDS = {
    "make",
    "git",
    "cd",
    "curl",
    "stella",
    ".venv/bin/stella",
    ".venv/bin/python",
    "npx",
    "ngrok",
    "cloudflared",
    "export",
    "cp",
    "sudo",
    "docker",
}


def name(path: Path) -> str:
    """A path as people say it."""
    return str(path.relative_to(ROOT))


@cache
def tree(path: Path) -> ast.Module:
    """A source file, parsed once."""
    return ast.parse(path.read_text())


@cache
def ours() -> list[Path]:
    """Every text file of the project: what is committed, and what would be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.splitlines() if listed.returncode == 0 else [name(path) for path in SOURCES + PAGES]
    paths = (ROOT / line for line in names)
    return [path for path in paths if path.suffix in TEXT and path.is_file()]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a file, methods and inner ones too."""
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body. Parameters and docstring are free: they are what a reader needs not to read the body."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_fits_in_one_sitting(path: Path) -> None:
    """Two rooms that live in one file are found by their length first."""
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    assert [node.name for node in functions(path) if length(node) > LONGEST_FUNCTION] == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_everything_public_says_what_it_promises(path: Path) -> None:
    """Whoever calls must not need to read the body."""
    if not tree(path).body:
        return
    assert ast.get_docstring(tree(path)), "the module itself"
    public = [
        node
        for node in tree(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


def test_no_module_is_named_after_nothing() -> None:
    """`utils` collects what nobody has thought about; a name says which room a thing belongs to."""
    assert [name(path) for path in SOURCES if VAGUE & set(path.stem.split("_"))] == []


def test_nothing_is_left_for_later_in_the_code() -> None:
    """What is not done is an issue with a reason, not a comment: the scaffold before STELLA was all reminders."""
    word = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    texts = [path for path in ours() if path.suffix in {".py", ".sql", ".js", ".ts", ".html"}]
    assert [name(path) for path in texts if path.suffix != ".md" and word.search(path.read_text())] == []


def test_nothing_names_one_persons_machine() -> None:
    """A path or a package index of one machine fails, or leaks, on every other."""
    halves = "/wo rk/,/ro ot/,/opt/py pi,pypi .org,python hosted,registry.npm js,debian .org"
    places = halves.replace(" ", "").split(",")
    found = {name(path): [word for word in places if word in path.read_text()] for path in ours()}
    assert {path: words for path, words in found.items() if words} == {}


def glossary() -> list[list[str]]:
    """The rows of the glossary's table: word, meaning, what it is not called."""
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| **")]
    return [[row[0].replace("*", ""), *row[1:]] for row in rows]


def class_names() -> set[str]:
    """Every class of the source."""
    nodes = (node for path in SOURCES for node in ast.walk(tree(path)))
    return {node.name for node in nodes if isinstance(node, ast.ClassDef)}


def test_every_word_of_the_glossary_has_one_meaning() -> None:
    """One meaning per word, or two people who agree build two things."""
    words = [word.strip() for row in glossary() for word in row[0].split(",")]
    assert words, "the glossary is there and has a table"
    assert len(words) == len(set(words))
    assert [row[0] for row in glossary() if len(row) < 3 or not row[1]] == []


def test_no_class_bears_a_name_the_glossary_refuses() -> None:
    """The refused word would come back through the code and bring its second meaning with it."""
    refused = {word.strip(" `") for row in glossary() for word in row[2].split(",") if word.strip().startswith("`")}
    assert refused
    assert refused & class_names() == set()


def test_every_setting_is_documented() -> None:
    """A setting nobody can find is a behaviour nobody can change."""
    from stella.app.settings import setting_names

    page = (ROOT / "docs/reference/settings.md").read_text()
    missing = [n for n, about in setting_names().items() if f"| `{n}` | {about} |" not in page]
    assert missing == [], "run `make docs` to write the page anew"


def test_decisions_are_numbered_without_a_gap() -> None:
    """A decision is superseded, never removed; a gap would be one that somebody took back in silence."""
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert DECISIONS


@pytest.mark.parametrize("path", DECISIONS, ids=name)
def test_a_decision_says_context_choice_price_and_when_to_look_again(path: Path) -> None:
    """Without its price a decision is an advertisement; without an end it is a belief."""
    headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
    assert headings == ["Context", "Choice", "Price", "When to look again"]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    """A dead link costs every reader what one test costs once."""
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def test_every_page_can_be_found_from_the_index() -> None:
    """A page that nothing leads to is read by its author alone."""
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    }
    assert [name(page) for page in PAGES if page.parent != ROOT and page not in linked] == []


def commands(page: Path) -> list[str]:
    """Every command line of a page's `bash` blocks."""
    blocks = re.findall(r"```(?:bash|console|sh)\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_in_the_documentation_begins_with_a_known_program(page: Path) -> None:
    """A newcomer types what stands there; nothing may stand there that this project does not bring or name."""
    assert [line for line in commands(page) if line.split()[0] not in COMMANDS] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_stella_command_in_the_documentation_exists(page: Path) -> None:
    """A page that names a command or an option before it is there, or after it has gone, sends people astray."""
    from stella.app.cli import cli

    for line in commands(page):
        words = shlex.split(line)
        if not words[0].endswith("stella"):
            continue
        command: Any = typer.main.get_command(cli)
        known = {"--help"}
        for word in words[1:]:
            command = getattr(command, "commands", {}).get(word, command)
            known |= {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, line
        assert command.name in words, line
        assert not getattr(command, "commands", {}), line


def test_the_readme_names_the_two_commands_everything_starts_with() -> None:
    """One to use it and one to trust it."""
    assert {"make run", "make test"} <= set(commands(ROOT / "README.md"))


def test_make_help_lists_every_target_with_a_comment() -> None:
    """A target that help does not show is a target that only its author uses."""
    makefile = (ROOT / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split())  # type: ignore[index]
    assert phony == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
