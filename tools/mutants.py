"""Changes each file of the conversation in one place after the other and asks its own tests whether they notice.

`python tools/mutants.py [--jobs N] [--show] [NAME ...]` prints for each file how many changes were made and how many its
test file (`tests/conversation/test_NAME.py`, alone, without the tests that draw their examples) found. `--show` prints the
lines of those that live. Changed are comparisons, arithmetic, and/or, not, numbers, words, True and False, min and max, the
results of functions, and statements, which are left out. Not changed are docstrings, annotations, type aliases, decorators,
`__slots__` and `__all__`: no call goes otherwise for them.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType

from own_tests import MACHINES, machines, run_own_tests

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
RECKONED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}  # fmt: skip
NAMED = {"min": "max", "max": "min", "any": "all", "all": "any"}
Change = Callable[[], None]


@dataclass
class Mutant:
    """One change of a file: where, what, and the whole file with it."""

    line: int
    what: str
    source: str


@dataclass
class Score:
    """What became of the mutants of one file."""

    name: str
    made: int
    living: list[Mutant]

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return self.made - len(self.living)

    @property
    def percent(self) -> float:
        """How many in a hundred were noticed."""
        return 100.0 * self.killed / self.made if self.made else 100.0


def bare(node: ast.AST) -> bool:
    """Whether a statement is a docstring, an alias of types, or a declaration of names."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.annotation) == "TypeAlias"
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in {"__slots__", "__all__"}


def living_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs, outermost first."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST) and not bare(each) and not isinstance(each, (ast.Import, ast.ImportFrom)):
                yield each
                yield from living_nodes(each)


def put(node: ast.AST, name: str, value: object) -> Change:
    """Set a field of a node."""
    return lambda: setattr(node, name, value)


def instead(node: ast.expr, other: ast.expr) -> Change:
    """Make a node another one, wherever it stands."""

    def change() -> None:
        node.__class__ = other.__class__
        node.__dict__ = other.__dict__

    return change


def of_constant(node: ast.Constant) -> Iterator[tuple[str, Change]]:
    """A number one larger, a text with noise around it, the other truth."""
    value = node.value
    if isinstance(value, bool):
        yield f"{value} -> {not value}", put(node, "value", not value)
    elif isinstance(value, (int, float)):
        yield f"{value} -> {value + 1}", put(node, "value", value + 1)
    elif isinstance(value, str):
        yield f"{value[:20]!r} -> with XX", put(node, "value", f"XX{value}XX")


def changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    """The changes that can be made in one node."""
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            other = COMPARED[type(op)]
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield f"{type(op).__name__} -> {other.__name__}", put(node, "ops", ops)
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in RECKONED:
        turned = RECKONED[type(node.op)]
        yield f"{type(node.op).__name__} -> {turned.__name__}", put(node, "op", turned())
    elif isinstance(node, ast.BoolOp):
        joined = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"to {joined.__name__}", put(node, "op", joined())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield f"no {type(node.op).__name__}", instead(node, node.operand)
    elif isinstance(node, ast.Constant):
        yield from of_constant(node)
    elif isinstance(node, ast.Name) and node.id in NAMED:
        yield f"{node.id} -> {NAMED[node.id]}", put(node, "id", NAMED[node.id])
    elif isinstance(node, ast.Return) and ast.unparse(node) not in {"return", "return None", "return False"}:
        yield "return None", put(node, "value", ast.Constant(None))
    elif isinstance(node, ast.IfExp):
        yield "the other way", instead(node, ast.IfExp(node.test, node.orelse, node.body))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "left out", put(node, "value", ast.Constant(None))
    elif isinstance(node, (ast.Break, ast.Continue)):
        other_way = ast.Continue if isinstance(node, ast.Break) else ast.Break
        yield f"{type(node).__name__} -> {other_way.__name__}", put(node, "__class__", other_way)


def assignments(tree: ast.AST) -> Iterator[tuple[ast.stmt, str, Change]]:
    """The assignments inside functions that can be left out."""
    for parent in [tree, *living_nodes(tree)]:
        for body in (getattr(parent, "body", None), getattr(parent, "orelse", None)):
            for place, node in enumerate(body if isinstance(body, list) else []):
                if isinstance(node, (ast.Assign, ast.AugAssign, ast.Delete)) and not isinstance(
                    parent, (ast.Module, ast.ClassDef)
                ):
                    yield node, "left out", lambda body=body, place=place: body.__setitem__(place, ast.Pass())  # type: ignore[misc]


def every(tree: ast.Module) -> list[tuple[int, str, Change]]:
    """All changes that can be made in a file, in order."""
    found = [(getattr(node, "lineno", 0), what, do) for node in living_nodes(tree) for what, do in changes(node)]
    return found + [(node.lineno, what, do) for node, what, do in assignments(tree)]


def mutants(name: str) -> list[Mutant]:
    """Every file that differs from this one in one place."""
    tree = ast.parse((MACHINES / f"{name}.py").read_text())
    made: list[Mutant] = []
    for place in range(len(every(tree))):
        other = copy.deepcopy(tree)
        line, what, do = every(other)[place]
        do()
        made.append(Mutant(line, what, ast.unparse(ast.fix_missing_locations(other))))
    return made


class Instead(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Hands out one module of STELLA with another text."""

    def __init__(self, name: str, source: str) -> None:
        """Stand in for this module."""
        self.module, self.source = f"stella.conversation.{name}", source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Only for the one."""
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.module else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the other text."""
        exec(compile(self.source, self.module, "exec"), module.__dict__)  # noqa: S102 (our own file, changed by us)


def notices(name: str, source: str, seconds: int) -> bool:
    """Whether the tests of a machine fail with this text of it, crash, or never end."""
    child = os.fork()
    if not child:
        code = 3
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
            sys.meta_path.insert(0, Instead(name, source))
            code = run_own_tests(name)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status != 0


def score(name: str, jobs: int) -> Score:
    """Change one file everywhere. Raises SystemExit where its tests fail by themselves."""
    before = time.monotonic()
    if notices(name, (MACHINES / f"{name}.py").read_text(), 60):
        raise SystemExit(f"the tests of {name} fail without any change")
    seconds = 5 + int(10 * (time.monotonic() - before))
    made = mutants(name)
    with ThreadPoolExecutor(jobs) as pool:
        killed = list(pool.map(lambda each: notices(name, each.source, seconds), made))
    return Score(name, len(made), [each for each, dead in zip(made, killed, strict=True) if not dead])


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file of src/stella/conversation, without .py")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    parser.add_argument("--show", action="store_true", help="print the changes nobody noticed")
    options = parser.parse_args()
    print("| file | changes | noticed | % |\n|---|---|---|---|")
    scores: list[Score] = []
    for name in machines(options.names):
        found = score(name, options.jobs)
        scores.append(found)
        print(f"| {name} | {found.made} | {found.killed} | {found.percent:.0f} |", flush=True)
        if options.show:
            for each in found.living:
                print(f"    {name}.py:{each.line} {each.what}")
    print(f"| all | {sum(each.made for each in scores)} | {sum(each.killed for each in scores)} | |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
