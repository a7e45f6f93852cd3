"""Pin every package of pyproject.toml, with the hashes of its wheels, into the constraints files.

    make lock                       newest allowed versions
    python tools/lock.py --keep     same versions where they still fit; new packages are added

Run it with the oldest Python STELLA supports: what only that one needs is then in the list, and harms no other. pip
resolves and reports; only names, versions and hashes are kept, so the files are the same whichever index served them.
A wheel that no listed Python and machine would choose is not listed, and pip refuses it: add its platform here.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
# Debian 12 has glibc 2.36; a wheel for any older one runs there too.
GLIBCS = range(36, 16, -1)
FILES = {"run": "constraints.txt", "dev": "constraints-dev.txt"}
PURPOSE = {
    "run": "what STELLA runs on, what builds it (hatchling) and what fetches its models (pip)",
    "dev": "what the checks and tests need besides constraints.txt",
}


def requirements(project: dict[str, Any]) -> dict[str, list[str]]:
    """What each file must satisfy, as pyproject.toml words it."""
    extras = project["project"]["optional-dependencies"]
    return {
        "run": [*project["project"]["dependencies"], *project["build-system"]["requires"], "editables", "pip"],
        "dev": [package for extra in extras.values() for package in extra],
    }


def normal(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(text: str) -> dict[str, str]:
    """Names and versions of a constraints file."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\\n]+)", text, re.MULTILINE))


def render(kind: str, versions: dict[str, str], hashes: dict[str, set[str]]) -> str:
    """A constraints file: packages in order of name, hashes in order, so that differences are small."""
    lines = [
        f"# Made by tools/lock.py: {PURPOSE[kind]}.",
        "# Change pyproject.toml and run `make lock` instead of editing.",
    ]
    for name in sorted(versions):
        lines.append(f"{name}=={versions[name]} \\")
        lines.append(" \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted(hashes[name])))
    return "\n".join(lines) + "\n"


def report(arguments: list[str]) -> list[dict[str, Any]]:
    """What pip would install. Exits with pip's own words when it cannot."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "report.json"
        pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--no-input"]
        command = [*pip, "--only-binary", ":all:", "--report", str(target), "--target", folder, *arguments]
        done = subprocess.run(command, check=False)
        if done.returncode:
            sys.exit(f"pip could not resolve {' '.join(arguments[-3:])}; its words stand above")
        found: list[dict[str, Any]] = json.loads(target.read_text())["install"]
        return found


def resolve(wanted: list[str], fixed: dict[str, str]) -> dict[str, str]:
    """Names and versions that satisfy `wanted`, nowhere against `fixed`."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.write("".join(f"{name}=={version}\n" for name, version in fixed.items()))
        constraints.flush()
        items = report(["--constraint", constraints.name, *wanted])
    return {normal(item["metadata"]["name"]): item["metadata"]["version"] for item in items}


def wheel_hashes(versions: dict[str, str]) -> dict[str, set[str]]:
    """The SHA-256 of the wheel that each Python on each machine would take."""
    hashes: dict[str, set[str]] = {name: set() for name in versions}
    wanted = [f"{name}=={version}" for name, version in versions.items()]
    for machine in MACHINES:
        tags = [f"manylinux_2_{minor}_{machine}" for minor in GLIBCS] + [f"manylinux2014_{machine}", f"linux_{machine}"]
        platforms = [word for tag in tags for word in ("--platform", tag)]
        for python in PYTHONS:
            print(f"  hashes for Python {python} on {machine}", flush=True)
            for item in report(["--no-deps", "--python-version", python, *platforms, *wanted]):
                digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
                hashes[normal(item["metadata"]["name"])].add(digest)
    return hashes


def main() -> None:
    """Write both files."""
    wanted = requirements(tomllib.loads((ROOT / "pyproject.toml").read_text()))
    keep = "--keep" in sys.argv[1:]
    done: dict[str, str] = {}
    for kind, name in FILES.items():
        old = pins((ROOT / name).read_text()) if keep and (ROOT / name).exists() else {}
        print(f"{name}: resolving {len(wanted[kind])} requirements", flush=True)
        found = {**resolve(wanted[kind], {**old, **done})}
        versions = {package: version for package, version in found.items() if package not in done}
        done |= versions
        (ROOT / name).write_text(render(kind, versions, wheel_hashes(versions)))
        print(f"{name}: {len(versions)} packages", flush=True)


if __name__ == "__main__":
    main()
