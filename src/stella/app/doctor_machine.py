"""What this machine gives STELLA: Python, libraries, a folder, a disk, a clock, a port, a way out."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path

import stella
from stella.app.doctor_examination import Examination

_OLDEST = (3, 11)
_IMPORTED = (
    "uvloop",
    "picows",
    "onnxruntime",
    "numpy",
    "soxr",
    "aiohttp",
    "sqlalchemy",
    "twilio",
    "fastapi",
    "msgspec",
)
"""Libraries with parts of their own for each kind of computer, or without which nothing works."""
_TOOLS = {"pip", "hatchling"}
"""They build and fetch; STELLA runs without them."""
_NONE_LEFT, _LITTLE_LEFT = 200_000_000, 1_000_000_000
_OFF_S, _DRIFT_S = 60.0, 5.0
_WAIT_S = 5.0
_TWILIO = "https://api.twilio.com"


def check_python(look: Examination) -> None:
    """Old enough Pythons cannot even say so; the doctor can."""
    shown = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < _OLDEST:
        look.find("python-old", "python", shown)
    else:
        look.note("python", f"{shown}, stella {stella.__version__}")


def check_libraries(look: Examination, constraints: Path | None = None) -> None:
    """Everything STELLA names is there, loads, and is of the tested version where that is known."""
    faults = len(look.lines)
    for name, floor in _required():
        found = _version(name)
        if found is None or _parts(found) < _parts(floor):
            look.find("library-missing", "libraries", f"{name} {found or 'is not there'}, needed is {floor or 'any'}")
    for name in _IMPORTED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            look.find("library-broken", "libraries", f"{name}: {error}")
    path = constraints or Path(stella.__file__).parents[2] / "constraints.txt"
    tested = _tested(path)
    found_here = [(name, _version(name), pin) for name, pin in tested if name not in _TOOLS]
    other = [f"{name} {found} (tested: {pin})" for name, found, pin in found_here if found not in {None, pin}]
    if other:
        more = f" and {len(other) - 5} more" if len(other) > 5 else ""
        look.find("library-other", "libraries", ", ".join(other[:5]) + more)
    if len(look.lines) == faults:
        look.note("libraries", f"all there{', as tested' if tested else ''}")


def _required() -> Iterator[tuple[str, str]]:
    """Name and lowest version of what STELLA itself asks for, on this machine."""
    try:
        asked = metadata.requires("stella-voice") or []
    except metadata.PackageNotFoundError:
        return
    for line in asked:
        wanted, _, marker = line.partition(";")
        if "extra" in marker or ("win32" in marker and sys.platform == "win32"):
            continue
        found, floor = re.match(r"[A-Za-z0-9._-]+", wanted), re.search(r">=\s*([0-9.]+)", wanted)
        if found:
            yield found[0], floor[1] if floor else ""


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _tested(path: Path) -> list[tuple[str, str]]:
    try:
        return re.findall(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", path.read_text("utf-8"), re.MULTILINE)
    except OSError:
        return []


def check_data_dir(look: Examination) -> None:
    """It can be written, nobody else reads it, and there is room."""
    folder = look.data_dir
    near = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=near):
            pass
    except OSError as error:
        look.find("data-unwritable", "data folder", f"{folder}: {error.strerror}")
        return
    open_to_all = [path.name for path in _precious(folder) if path.stat().st_mode & 0o007]
    if open_to_all:
        look.find("data-open", "data folder", f"{folder}: {', '.join(open_to_all)}", f"chmod -R o-rwx {folder}")
    free = shutil.disk_usage(near).free
    seen = f"{folder.absolute()}, {free / 1e9:.1f} GB free"
    if free < _NONE_LEFT:
        look.find("disk-full", "disk", seen)
    elif free < _LITTLE_LEFT:
        look.find("disk-low", "disk", seen)
    else:
        look.note("data folder", seen if folder.exists() else f"{seen}; made at the first start")


def _precious(folder: Path) -> Iterator[Path]:
    """What must not be read by others, as far as it is there."""
    for name in ("operator-token", "secret-salt", "stella.db"):
        with contextlib.suppress(OSError):
            if (folder / name).is_file():
                yield folder / name


def check_clock(look: Examination) -> None:
    """Against the clock of Twilio, or of the public address."""
    url = look.settings.twilio_api_base or _TWILIO
    try:
        date = _date_of(url)
    except (OSError, ValueError):
        look.note("clock", f"{url} could not be asked for the time", "skipped")
        return
    off = (datetime.now(UTC) - date).total_seconds()
    seen = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} {url}"
    if abs(off) > _OFF_S:
        look.find("clock-off", "clock", seen)
    elif abs(off) > _DRIFT_S:
        look.find("clock-drifts", "clock", seen)
    else:
        look.note("clock", f"within {_DRIFT_S:.0f} s of {url}")


def _date_of(url: str) -> datetime:
    """The Date header of any answer, also of an error. Raises OSError or ValueError where there is none."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 Twilio's address, or the tests' by TWILIO_API_BASE
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:  # noqa: S310 the same
            date = answer.headers.get("date", "")
    except urllib.error.HTTPError as error:
        date = error.headers.get("date", "")
        error.close()
    return parsedate_to_datetime(date)


def check_port(look: Examination) -> None:
    """Free, or answered by a STELLA."""
    port, host = look.settings.server_port, look.settings.host
    dialled = "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104 compared with, not bound to
    base = f"http://[{dialled}]:{port}" if ":" in dialled else f"http://{dialled}:{port}"
    words = _health(base)
    if words is not None:
        if '"status"' in words and '"ok"' in words:
            look.running = base
            look.note("port", f"a server answers at {base}")
        else:
            look.find("port-taken", "port", f"port {port} is answered by something that is not STELLA")
        return
    try:
        with socket.create_server((dialled, port), family=socket.AF_INET6 if ":" in dialled else socket.AF_INET):
            look.note("port", f"{port} is free: no server runs here now")
    except OSError as error:
        code = "port-taken" if error.errno == 98 or "in use" in str(error).lower() else "port-forbidden"
        look.find(code, "port", f"{dialled} port {port}: {error.strerror}")


def _health(base: str) -> str | None:
    """What /health says; None where nobody answers HTTP."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(base + "/health", timeout=_WAIT_S) as answer:
            return str(answer.read(300).decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        error.close()
        return ""
    except (OSError, ValueError):
        return None


def check_way_out(look: Examination) -> None:
    """A proxy of the environment is worth a word: half of all riddles end there."""
    names = [name for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") if _either(name)]
    exempt = _either("NO_PROXY")
    if names and not ("127.0.0.1" in exempt or "localhost" in exempt or exempt == "*"):
        look.find("proxy-set", "proxy", f"{', '.join(names)} is set and NO_PROXY does not name this machine")
    elif names:
        look.note("proxy", f"{', '.join(names)} is set; NO_PROXY names this machine")


def _either(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.lower()) or ""
