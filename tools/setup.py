"""Make STELLA ready to start: Debian libraries, virtual environment, pinned packages, speech models.

    python3 tools/setup.py          what `make run` needs
    python3 tools/setup.py --dev    and what `make test` needs

Standard library only. What is already done is not done again (a stamp in the virtual environment remembers), so the
second run takes no time and no network. As root on Debian, what is missing is installed with apt-get; without root the
same is had from wheels, and what is then less good is said. pip's own environment (PIP_INDEX_URL, PIP_CERT, proxies …)
is honoured because pip does the fetching. Every failure names the step and the mend, and exits with 1.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "stella-setup.txt"
LOCKS = {"run": "constraints.txt", "dev": "constraints-dev.txt"}
PINNED_MODELS = ROOT / "src/stella/adapters/models/pinned.py"
OLDEST = (3, 11)
ROOM_NEEDED = 1_500_000_000
LIBRARIES = {"libflite.so.1": "libflite1", "libespeak-ng.so.1": "libespeak-ng1"}


class StopError(Exception):
    """A step failed. Says what failed and what to do about it."""

    def __init__(self, what: str, mend: str) -> None:
        """Keep both apart for two lines in the terminal."""
        super().__init__(what)
        self.what, self.mend = what, mend


def fingerprint(kinds: list[str], root: Path = ROOT) -> str:
    """One word for everything an installation depends on: pins, project file, Python, machine and place."""
    parts = [platform.python_version(), platform.machine(), str(root), sys.base_prefix]
    files = ["pyproject.toml", *(LOCKS[kind] for kind in kinds)]
    digest = hashlib.sha256("\n".join(parts).encode())
    for name in files:
        digest.update(b"\0" + (root / name).read_bytes())
    return digest.hexdigest()


def stamped(text: str) -> dict[str, str]:
    """Read a stamp: `kind fingerprint` a line. Lines that make no sense are as good as absent."""
    pairs = (line.split() for line in text.splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def missing_packages(*, has_ensurepip: bool, debian_python: bool, libraries: list[str]) -> list[str]:
    """The Debian packages to ask for. Another Python than Debian's is not helped by Debian's venv package."""
    venv = [] if has_ensurepip or not debian_python else ["python3-venv"]
    return venv + libraries


def missing_libraries() -> list[str]:
    """The Debian packages of the speech libraries that cannot be loaded."""
    missing = []
    for library, package in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    return missing


def say(text: str) -> None:
    """One line of progress, before the step it announces."""
    print(f"[setup] {text}", flush=True)


def run(what: str, command: list[str], mend: str, *, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run one step with its output shown. Raises StopError when it fails."""
    say(what)
    try:
        code = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        raise StopError(f"{what}: {error}", mend) from error
    if code:
        raise StopError(f"{what}: exit code {code}", mend)


def install_libraries(packages: list[str]) -> None:
    """As root on Debian: apt-get what is missing, once. Never fatal: what follows knows how to do without."""
    if not packages or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    lists = Path("/var/lib/apt/lists")
    fresh = lists.is_dir() and any(lists.glob("*Packages*"))
    try:
        if fresh and not subprocess.run([*install, "--dry-run"], env=env, capture_output=True, check=False).returncode:
            run(f"installing {' '.join(packages)} with apt-get", install, "", env=env)
            return
        run("updating the package lists with apt-get", ["apt-get", "update"], "", env=env)
        run(f"installing {' '.join(packages)} with apt-get", install, "", env=env)
    except StopError as error:
        say(f"{error.what}; trying to go on without")


def make_venv() -> None:
    """Create `.venv`, or replace one that cannot run any more. Raises StopError."""
    python = VENV / "bin/python"
    if python.exists():
        answer = "import sys; print(sys.version_info[:3], sys.base_prefix)"
        ours = f"{sys.version_info[:3]} {sys.base_prefix}"
        found = subprocess.run([python, "-c", answer], capture_output=True, text=True, check=False).stdout.strip()
        moved = read_stamp().get("root") not in (None, place(ROOT))
        if found == ours and not moved:
            return
    pip = [] if has_ensurepip() else ["--without-pip"]
    command = [sys.executable, "-m", "venv", "--clear", *pip, str(VENV)]
    run("creating .venv", command, f"Check that {ROOT} can be written to, remove {VENV} and try again.")


def place(root: Path) -> str:
    """Where the tree lies, as one word: a virtual environment does not survive being moved."""
    return hashlib.sha256(str(root).encode()).hexdigest()[:16]


def has_ensurepip() -> bool:
    """Whether this Python can put pip into a virtual environment by itself (Debian splits that off)."""
    return importlib.util.find_spec("ensurepip") is not None


def find_pip() -> list[str]:
    """The command that installs into `.venv`: its own pip, this Python's, or Debian's wheel. Raises StopError."""
    python = str(VENV / "bin/python")
    if works([python, "-m", "pip", "--version"]):
        return [python, "-m", "pip"]
    outer = [sys.executable, "-m", "pip", "--python", python]
    if works([*outer, "--version"]):
        return outer
    wheel = debian_pip(VENV / "pip-bootstrap")
    if wheel and works([python, f"{wheel}/pip", "--version"]):
        return [python, f"{wheel}/pip"]
    ask = "If the network is up, ask the administrator for: apt-get install python3-venv"
    raise StopError("this Python has neither venv nor pip, and pip's Debian package could not be fetched", ask)


def works(command: list[str]) -> bool:
    """Whether a command exists and ends with 0. Quiet."""
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def debian_pip(folder: Path) -> Path | None:
    """Fetch pip's wheel as Debian signed it, without being root and without installing it. None where apt cannot."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    say("fetching pip's wheel from Debian (nothing is installed into the system)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        # apt wants folders of its own to keep lists in; an ordinary user may not write the system's.
        for name in ("lists/partial", "cache/archives/partial"):
            (Path(state) / name).mkdir(parents=True)
        own = ["-o", f"Dir::State::Lists={state}/lists", "-o", f"Dir::Cache={state}/cache", "-o", "APT::Sandbox::User="]
        for command in (["apt-get", *own, "update"], ["apt-get", *own, "download", "python3-pip-whl"]):
            if subprocess.run(command, cwd=folder, check=False, stdin=subprocess.DEVNULL).returncode:
                return None
    for package in folder.glob("python3-pip-whl*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=False)
    return next(iter(sorted(folder.rglob("pip-*.whl"))), None)


PIP_MEND = (
    "Is the network up? pip's error stands above. Behind a proxy or with an index of your own set HTTPS_PROXY, "
    "PIP_INDEX_URL or PIP_CERT as pip knows them; then run the same make command again, it goes on where it stopped."
)


def install(kinds: list[str]) -> None:
    """Install the pinned packages and STELLA itself into `.venv`. Raises StopError."""
    pip = find_pip()
    quiet = ["--disable-pip-version-check", "--no-input"]
    for kind in kinds:
        pins = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(ROOT / LOCKS[kind])]
        run(f"installing the pinned packages of {LOCKS[kind]}", [*pip, "install", *quiet, *pins], PIP_MEND)
    # From here on the environment has the pinned pip of constraints.txt.
    own = [
        str(VENV / "bin/python"),
        "-m",
        "pip",
        "install",
        "-q",
        *quiet,
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    run("installing STELLA itself", [*own, "-e", str(ROOT)], f"Remove {VENV} and run the same make command again.")
    # Now, and not at the first start: there a full disk would leave compiled modules by halves, which Python believes.
    run("compiling", [str(VENV / "bin/python"), "-m", "compileall", "-q", "src"], "Check that src can be written to.")
    shutil.rmtree(VENV / "pip-bootstrap", ignore_errors=True)


def models_mark() -> str:
    """One word for which models are pinned; differs from every stamp while their folder is not there."""
    data = Path(os.environ.get("STELLA_DATA_DIR", "") or "data")
    folder = ROOT / (os.environ.get("STELLA_MODELS_DIR", "") or data / "models")
    return hashlib.sha256(PINNED_MODELS.read_bytes()).hexdigest() if folder.is_dir() else "absent"


def pull_models() -> None:
    """Fetch the embedded speech models; the command knows what is already there. Raises StopError."""
    stella = str(VENV / "bin/stella")
    mend = "The error stands above. `.venv/bin/stella models pull` goes on where it stopped; `--help` tells of offline ways."
    run("fetching the embedded speech models", [stella, "models", "pull"], mend)


def tell_less_good(libraries: list[str], *, debian_helps: bool) -> None:
    """Say once, in one line, what is less good for lack of a library."""
    if not libraries:
        return
    poorer = (
        "English is spoken by espeak-ng: clear, but robotic" if "libflite1" in libraries else "the wheel's espeak-ng"
    )
    ask = f" Better: ask the administrator for: apt-get install {' '.join(libraries)}" if debian_helps else ""
    say(f"without {' and '.join(libraries)}: {poorer}.{ask}")


def prepare(*, dev: bool) -> None:
    """Do what is still to do. Raises StopError."""
    wanted = ["run", "dev"] if dev else ["run"]
    done = read_stamp()
    installed = all(done.get(kind) == fingerprint([kind]) for kind in wanted)
    if installed and done.get("models") == models_mark():
        return
    if shutil.disk_usage(ROOT).free < ROOM_NEEDED:
        raise StopError("the disk is too full", f"Make 1.5 GB of room on the disk of {ROOT}.")
    if not installed:
        install_all(wanted)
        write_stamp({**read_stamp(), **{kind: fingerprint([kind]) for kind in wanted}, "root": place(ROOT)})
    pull_models()
    write_stamp({**read_stamp(), "models": models_mark()})
    say("ready")


def install_all(kinds: list[str]) -> None:
    """Debian's libraries where we may, then `.venv` and everything pinned. Raises StopError."""
    debian_python = Path(sys.executable).resolve().parent == Path("/usr/bin")
    libraries = missing_libraries()
    install_libraries(missing_packages(has_ensurepip=has_ensurepip(), debian_python=debian_python, libraries=libraries))
    importlib.invalidate_caches()
    tell_less_good(missing_libraries() if libraries else [], debian_helps=bool(shutil.which("apt-get")))
    make_venv()
    install(kinds)


def read_stamp() -> dict[str, str]:
    """What is done already; nothing where there is no stamp (or no `.venv` any more)."""
    return stamped(STAMP.read_text()) if STAMP.exists() else {}


def write_stamp(marks: dict[str, str]) -> None:
    """Remember what is done, in one step, so that an interrupted run is not taken for a finished one."""
    beside = STAMP.with_suffix(".new")
    beside.write_text("".join(f"{kind} {mark}\n" for kind, mark in marks.items()))
    beside.replace(STAMP)


def main() -> int:
    """Run under a lock, so that two make commands at once do not build into each other."""
    if sys.version_info < OLDEST:
        print(f"STELLA needs Python 3.11 or newer; {sys.executable} is {platform.python_version()}.", file=sys.stderr)
        print("Mend: install a newer Python and name it, e.g. `make run PYTHON=python3.12`.", file=sys.stderr)
        return 1
    try:
        with (ROOT / ".gitignore").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            prepare(dev="--dev" in sys.argv[1:])
    except StopError as error:
        print(f"\nSetting up STELLA stopped: {error.what}\nMend: {error.mend}", file=sys.stderr)
        return 1
    except (OSError, subprocess.SubprocessError) as error:
        print(f"\nSetting up STELLA stopped: {error}\nMend: check that {ROOT} can be written to.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same make command goes on where it was.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
