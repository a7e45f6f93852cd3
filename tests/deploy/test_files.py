"""What a container engine or systemd would only say on the server is said here: names, files, times."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stella.app.settings import Settings, setting_names

from .conftest import DEPLOY, ROOT

yaml = pytest.importorskip("yaml", reason="PyYAML comes with schemathesis, a package of the tests")

LONGEST_CALL_S = 4 * 3600


def dockerfile() -> list[tuple[str, str]]:
    """Its instructions: word and rest, continued lines joined."""
    text = "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines if line]


def compose() -> dict[str, Any]:
    """compose.yaml as data."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def unit() -> configparser.ConfigParser:
    """The service, repeated keys joined by the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "systemd/stella.service")
    return parser


def seconds(span: str) -> float:
    """`11m`, `5h`, `660` in seconds."""
    number, word = re.fullmatch(r"(\d+)\s*(ms|s|m|h)?", span).groups()  # type: ignore[union-attr]
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600, None: 1}[word]


def allowed() -> list[str]:
    """What .dockerignore lets through."""
    return [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def test_the_image_is_built_of_files_that_exist_and_are_let_through() -> None:
    """A COPY of nothing fails on the first build somewhere else, an ignored one too."""
    for word, rest in dockerfile():
        if word != "COPY" or "--from" in rest:
            continue
        for source in shlex.split(rest)[:-1]:
            assert (ROOT / source).exists(), source
            assert any(Path(source) == Path(line) for line in allowed()), f"{source} is ignored by .dockerignore"


def test_everything_the_package_needs_is_copied() -> None:
    """Hatchling reads the readme and the licence beside the source."""
    copied = " ".join(rest for word, rest in dockerfile() if word == "COPY")
    assert {"pyproject.toml", "README.md", "LICENSE", "src"} <= set(copied.split())


def test_nothing_secret_can_reach_the_builder() -> None:
    """The list says what is let through, so that a new file with secrets is not."""
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert not [line for line in allowed() if ".env" in line or "data" in line]


def test_the_container_is_nobody_and_has_a_pulse() -> None:
    """Root in a container is one mistake away from root outside."""
    last = [index for index, (word, _) in enumerate(dockerfile()) if word == "FROM"][-1]
    final = dict(dockerfile()[last:])
    assert final["USER"].split(":")[0].isdigit() and final["USER"].split(":")[0] != "0"
    assert "/healthz" in final["HEALTHCHECK"]
    assert final["CMD"] == '["serve"]'


def test_packages_are_pinned_by_hash_and_the_base_by_a_release() -> None:
    """`latest` is another program every month."""
    runs = " ".join(rest for word, rest in dockerfile() if word == "RUN")
    assert "--require-hashes" in runs and "--only-binary" in runs
    bases = [rest.split()[0] for word, rest in dockerfile() if word == "FROM"]
    assert [base for base in bases if base not in {"base", "build"} and not re.search(r":\d", base)] == []
    images = [service["image"] for service in compose()["services"].values() if "build" not in service]
    assert [image for image in images if not re.search(r":\d", image)] == []


def test_the_drivers_pins_are_the_projects_own() -> None:
    """Two lists of one truth drift apart."""
    dev = (ROOT / "constraints-dev.txt").read_text()
    ours = (DEPLOY / "constraints-postgres.txt").read_text().partition("\n")[2]
    assert "psycopg-binary==" in ours and ours in dev


def test_every_setting_that_the_files_name_exists() -> None:
    """An unknown STELLA_ name stops the start, in a container as anywhere."""
    names = set(setting_names())
    texts = [
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        DEPLOY / "systemd/stella.env",
        DEPLOY / "systemd/stella.service",
    ]
    for path in texts:
        lines = [line for line in path.read_text().splitlines() if not line.strip().startswith("#")]
        used = set(re.findall(r"\b((?:STELLA|TWILIO)_[A-Z_]+)\b", "\n".join(lines)))
        assert used - names - {"STELLA_UPSTREAM"} == set(), path


def test_a_stop_gives_live_calls_their_time() -> None:
    """A supervisor that kills sooner than the drain ends cuts callers off."""
    drain = Settings.model_fields["drain_s"].default
    for name in ("stella", "caddy"):
        assert seconds(compose()["services"][name]["stop_grace_period"]) > drain
    env = dict(
        line.split("=", 1)
        for line in (DEPLOY / "systemd/stella.env").read_text().splitlines()
        if "=" in line and not line.startswith("#")
    )
    assert seconds(unit()["Service"]["TimeoutStopSec"]) > float(env["STELLA_DRAIN_SECONDS"])
    assert unit()["Service"]["KillMode"] == "mixed", "the voices live as long as the last call"


def test_the_service_reads_its_secrets_from_a_file_and_writes_to_one_place() -> None:
    """Environment= is readable for everybody on the machine."""
    service = unit()["Service"]
    assert service["EnvironmentFile"] == "/etc/stella/stella.env"
    assert "TOKEN" not in service["Environment"]
    assert (service["ProtectSystem"], service["NoNewPrivileges"], service["User"]) == ("strict", "yes", "stella")


def test_systemd_itself_takes_the_unit(tmp_path: Path) -> None:
    """A misspelt key is a warning in a log that nobody reads, and the fence it should be is not there."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / "stella.service"
    text = (DEPLOY / "systemd/stella.service").read_text()
    copy.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", text, flags=re.MULTILINE))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False, timeout=50
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "stella.service" in line]) == (0, [])


def test_the_pages_that_the_files_name_exist() -> None:
    """Whoever opens a file on a server follows it to the page."""
    texts = [path for path in (*DEPLOY.rglob("*"), ROOT / "compose.yaml", ROOT / "Dockerfile") if path.is_file()]
    named = {page for path in texts for page in re.findall(r"docs/[a-z/-]+\.md", path.read_text())}
    assert [page for page in sorted(named) if not (ROOT / page).exists()] == []


def test_compose_names_only_files_and_services_that_exist() -> None:
    """A folder that is missing is made by the engine, as root, and empty."""
    data = compose()
    for service in data["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert source in data["volumes"] or (ROOT / source).exists(), source
        assert set(service.get("depends_on", [])) <= set(data["services"])


def test_the_default_is_one_container_and_prod_adds_database_and_certificates() -> None:
    """Somebody who tries it must not get a database first."""
    profiles = {name: service.get("profiles", []) for name, service in compose()["services"].items()}
    assert profiles == {"stella": [], "postgres": ["prod"], "redis": ["prod"], "caddy": ["prod"]}
    stella = compose()["services"]["stella"]
    assert stella["read_only"] is True and stella["cap_drop"] == ["ALL"]
    assert [port for port in stella["ports"] if not port.startswith("127.0.0.1:")] == []
    assert [
        one for name, one in compose()["services"].items() if name in {"postgres", "redis"} and "ports" in one
    ] == []


def test_no_proxy_cuts_the_longest_call() -> None:
    """While a caller talks nothing comes from STELLA: an idle timeout of a minute ends long questions."""
    nginx = (DEPLOY / "nginx/stella.conf").read_text()
    haproxy = (DEPLOY / "haproxy/haproxy.cfg").read_text()
    assert seconds(re.search(r"proxy_read_timeout (\w+);", nginx)[1]) > LONGEST_CALL_S  # type: ignore[index]
    assert seconds(re.search(r"timeout tunnel (\w+)", haproxy)[1]) > LONGEST_CALL_S  # type: ignore[index]
    assert "stream_close_delay 4h" in (DEPLOY / "caddy/Caddyfile").read_text()


def test_no_proxy_rewrites_what_is_signed() -> None:
    """An address that was tidied up has another signature."""
    nginx = (DEPLOY / "nginx/stella.conf").read_text()
    assert re.search(r"proxy_pass http://stella;", nginx), "with a path behind it nginx would rebuild the address"
    assert "merge_slashes off;" in nginx and not re.search(r"^\s*rewrite ", nginx, re.MULTILINE)
    assert not re.search(
        r"^\s*http-request (set-path|set-uri|replace|normalize)",
        (DEPLOY / "haproxy/haproxy.cfg").read_text(),
        re.MULTILINE,
    )
