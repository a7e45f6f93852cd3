"""What is wrong with an installation is found, named and mended; what is right is left in peace."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from sqlalchemy import make_url

from stella.adapters.sql.migrate import upgrade
from stella.app.doctor_house import check_agents, check_database, check_models, check_voices
from stella.app.doctor_keys import check_keys
from stella.app.doctor_machine import (
    check_clock,
    check_data_dir,
    check_libraries,
    check_port,
    check_python,
    check_way_out,
)


@pytest.fixture
def page():
    """Serves one answer over HTTP; a function of status, body and headers to the address."""
    servers = []

    def serve(status: int = 200, body: bytes = b"", **headers: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815 - the name is the library's

            def log_message(self, *_) -> None:
                """Nothing."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class TestSettings:
    """Names and values."""

    def test_a_sound_environment_has_no_finding(self, environ, found):
        """Else nobody reads the list."""
        assert found(environ).codes == []

    def test_every_unknown_name_is_told_with_the_nearest_right_one(self, environ, found):
        """The server stops at the first; whoever mends wants all."""
        look = found(environ | {"STELLA_PUBLIK_URL": "x", "STELLA_SERVERPORT": "1"})
        assert look.codes == ["setting-unknown"] * 2
        assert "STELLA_PUBLIC_URL" in look.seen
        assert "STELLA_SERVER_PORT" in look.seen

    def test_a_name_of_twilio_that_nearly_fits_is_told(self, environ, found):
        """TWILIO_AUTHTOKEN is silently nothing."""
        look = found(environ | {"TWILIO_AUTHTOKEN": "x", "TWILIO_SOMETHING_ELSE_ENTIRELY": "x"})
        assert look.codes == ["setting-near"]
        assert "TWILIO_AUTH_TOKEN" in look.seen

    def test_a_bad_value_does_not_hide_the_others(self, environ, found):
        """One start, one error, was the old way."""
        look = found(environ | {"STELLA_SERVER_PORT": "many", "STELLA_LOG_LEVEL": "loud"})
        assert look.codes == ["setting-bad"] * 2
        assert look.look.settings.public_url == environ["STELLA_PUBLIC_URL"]

    def test_a_placeholder_is_no_token(self, environ, found):
        """Copied from a page, and nobody could be told from Twilio."""
        look = found(environ | {"TWILIO_AUTH_TOKEN": "your-auth-token"})
        assert look.codes == ["setting-bad"]

    def test_what_the_server_cannot_start_without_is_missed(self, environ, found):
        """Development does without, so it is only worth a word."""
        del environ["TWILIO_AUTH_TOKEN"], environ["STELLA_PUBLIC_URL"]
        assert found(environ).codes == ["no-auth-token", "no-public-url"]

    def test_no_secret_is_shown(self, environ, found):
        """The output is pasted into tickets."""
        look = found(environ | {"TWILIO_AUTH_TOKEN": "short", "STELLA_OPERATOR_TOKEN": "sesame-open"})
        assert "short" not in look.seen.replace("is shorter", "")
        assert "sesame" not in look.seen


class TestHouse:
    """Agents, models, voices, the database."""

    def test_a_fault_in_an_agent_file_has_its_line(self, environ, found, tmp_path):
        """The file is the operator's own work."""
        path = tmp_path / "office.toml"
        path.write_text('name = "office"\nwrong = 1\n')
        look = found(environ | {"STELLA_AGENT": str(path)})
        assert look.by(check_agents) == ["agent-bad"]
        assert "office.toml:" in look.seen

    def test_messages_that_reach_nobody_are_told(self, environ, found):
        """The built-in receptionist takes messages, and nobody reads them."""
        assert found(environ | {"STELLA_AGENT": "receptionist"}).by(check_agents) == ["notify-none"]

    def test_mail_without_a_mail_server(self, environ, found, tmp_path):
        """It would be tried for days and given up."""
        from stella.app.agents.load import SHELF

        text = (SHELF / "receptionist.toml").read_text("utf-8")
        shutil.copytree(SHELF / "knowledge", tmp_path / "knowledge")
        path = tmp_path / "office.toml"
        path.write_text(text + '\n[[notify]]\nkind = "email"\nto = "office@example.com"\n', "utf-8")
        assert found(environ | {"STELLA_AGENT": str(path)}).by(check_agents) == ["notify-no-smtp"]

    def test_models_that_were_not_fetched(self, environ, found):
        """The command that fetches them is the mend."""
        look = found(environ | {"STELLA_AGENT": "receptionist"})
        look.by(check_agents)
        assert set(look.by(check_models)) == {"model-missing"}
        assert "stella models pull silero" in look.seen

    def test_only_what_the_agents_use_is_missed(self, environ, found):
        """The bench agent needs no ears."""
        look = found(environ)
        look.by(check_agents)
        assert look.by(check_models) == ["model-missing"]
        assert look.by(check_voices) == []

    @pytest.mark.parametrize(
        ("flite", "espeak", "codes"),
        [(1, 1, []), (0, 1, ["voice-robotic"]), (1, 0, ["voice-no-german"]), (0, 0, ["voice-none"])],
    )
    def test_voices_that_are_missing(self, environ, found, monkeypatch, flite, espeak, codes):
        """Each has a package of its own."""
        from stella.app import doctor_house
        from stella.ports.failure import Unavailable

        def engine(there):
            def make(*_):
                if not there:
                    raise Unavailable("embedded", "no-library")

            return make

        monkeypatch.setattr(doctor_house, "Flite", engine(flite))
        monkeypatch.setattr(doctor_house, "Espeak", engine(espeak))
        look = found(environ | {"STELLA_AGENT": "receptionist"})
        look.by(check_agents)
        assert look.by(check_voices) == codes

    def test_the_database_of_this_version(self, environ, found, tmp_path):
        """Read only, and beside a running server."""
        assert found(environ).by(check_database) == []
        upgrade(make_url(f"sqlite:///{tmp_path}/data/stella.db"), "now")
        assert found(environ).by(check_database) == []

    @pytest.mark.parametrize(("revision", "code"), [("9999", "database-newer"), ("", "database-old")])
    def test_the_database_of_another_version(self, environ, found, tmp_path, revision, code):
        """Older is mended by itself, newer by nobody."""
        path = tmp_path / "data/stella.db"
        upgrade(make_url(f"sqlite:///{path}"), "now")
        with sqlite3.connect(path) as database:
            database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.close()
        assert found(environ).by(check_database) == [code]

    def test_a_file_that_is_no_database(self, environ, found, tmp_path):
        """A disk that was full once leaves such things."""
        (tmp_path / "data").mkdir()
        (tmp_path / "data/stella.db").write_bytes(b"not a database at all, but long enough to be one" * 30)
        assert found(environ).by(check_database) == ["database-unreachable"]

    def test_a_database_that_cannot_be_named(self, environ, found):
        """The password in it is not repeated."""
        look = found(environ | {"STELLA_DATABASE_URL": "mysql://user:sesame@host/x"})
        assert look.by(check_database) == ["database-unreachable"]
        assert "sesame" not in look.seen


class TestMachine:
    """Python, libraries, folder, clock, port."""

    def test_this_very_installation_is_sound(self, environ, found, tmp_path):
        """The tests run on what `make setup` made."""
        look = found(environ)
        assert look.by(check_python) == []
        assert look.by(check_libraries, tmp_path / "none.txt") == []

    def test_a_library_that_is_not_the_tested_one(self, environ, found, tmp_path):
        """Worth a word, no more."""
        (tmp_path / "constraints.txt").write_text("aiohttp==0.0.1 \\\n    --hash=x\nnot-installed==1\npip==0.1\n")
        look = found(environ)
        assert look.by(check_libraries, tmp_path / "constraints.txt") == ["library-other"]
        assert "aiohttp" in look.seen
        assert "pip " not in look.seen

    def test_a_library_that_is_missing(self, environ, found, monkeypatch, tmp_path):
        """Or too old."""
        from stella.app import doctor_machine

        monkeypatch.setattr(doctor_machine, "_version", {"aiohttp": "3.0.0"}.get)
        codes = found(environ).by(check_libraries, tmp_path / "none.txt")
        assert set(codes) == {"library-missing"}

    def test_a_library_that_does_not_load(self, environ, found, monkeypatch, tmp_path):
        """Built for another processor."""
        from stella.app import doctor_machine

        monkeypatch.setattr(doctor_machine, "_IMPORTED", ("no_such_library_here",))
        assert found(environ).by(check_libraries, tmp_path / "none.txt") == ["library-broken"]

    def test_secrets_that_everybody_may_read(self, environ, found, tmp_path):
        """The operator token opens every record."""
        (tmp_path / "data").mkdir()
        (tmp_path / "data/operator-token").write_text("x")
        (tmp_path / "data/operator-token").chmod(0o644)
        assert found(environ).by(check_data_dir) == ["data-open"]
        (tmp_path / "data/operator-token").chmod(0o600)
        assert found(environ).by(check_data_dir) == []

    def test_a_folder_that_cannot_be_written(self, environ, found, monkeypatch):
        """Another owner, or a read-only disk."""
        import tempfile

        def refuse(**_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
        assert found(environ).by(check_data_dir) == ["data-unwritable"]

    @pytest.mark.parametrize(("free", "codes"), [(10**8, ["disk-full"]), (5 * 10**8, ["disk-low"]), (10**10, [])])
    def test_a_disk_that_fills_up(self, environ, found, monkeypatch, free, codes):
        """Before the records cannot be written."""
        usage = shutil.disk_usage("/")._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
        assert found(environ).by(check_data_dir) == codes

    @pytest.mark.parametrize(("off", "codes"), [(0, []), (-20, ["clock-drifts"]), (90, ["clock-off"])])
    def test_a_clock_that_is_off(self, environ, found, page, off, codes):
        """Compared with what Twilio's server thinks, whatever else it answers."""
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True)
        environ["TWILIO_API_BASE"] = page(404, Date=date)
        assert found(environ).by(check_clock) == codes

    def test_without_a_network_the_clock_is_skipped(self, environ, found):
        """An offline machine is no fault."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            environ["TWILIO_API_BASE"] = f"http://127.0.0.1:{probe.getsockname()[1]}"
            look = found(environ)
            assert look.by(check_clock) == []
        assert look.look.lines[-1].result == "skipped"

    def test_a_port_that_is_free(self, environ, found):
        """The server is simply not running."""
        look = found(environ)
        assert look.by(check_port) == []
        assert look.look.running == ""

    def test_a_port_that_a_server_answers(self, environ, found, page):
        """Then the call to itself goes there."""
        url = page(body=b'{"status":"ok","timestamp":"2026"}')
        look = found(environ | {"STELLA_SERVER_PORT": url.rpartition(":")[2]})
        assert look.by(check_port) == []
        assert look.look.running == url

    def test_a_port_that_belongs_to_another_program(self, environ, found, page):
        """By HTTP or without."""
        url = page(404, b"Jenkins")
        assert found(environ | {"STELLA_SERVER_PORT": url.rpartition(":")[2]}).by(check_port) == ["port-taken"]

    def test_a_proxy_that_also_catches_calls_to_this_machine(self, environ, found, monkeypatch):
        """NO_PROXY is forgotten as a rule."""
        for name in (
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NO_PROXY",
            "no_proxy",
        ):
            monkeypatch.delenv(name, raising=False)
        assert found(environ).by(check_way_out) == []
        monkeypatch.setenv("HTTPS_PROXY", "http://user:sesame@proxy.example.com:3128")
        look = found(environ)
        assert look.by(check_way_out) == ["proxy-set"]
        assert "sesame" not in look.seen
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        assert found(environ).by(check_way_out) == []


class TestKeys:
    """One question to each provider whose key is set."""

    @pytest.mark.parametrize(
        ("status", "codes"),
        [
            (200, []),
            (401, ["key-refused"]),
            (403, ["key-refused"]),
            (429, ["key-spent"]),
            (404, []),
            (500, ["provider-unreachable"]),
        ],
    )
    async def test_what_the_provider_says_is_told_and_the_key_is_not(self, environ, found, page, status, codes):
        """Some providers repeat the key in their refusal."""
        base = page(status, b"you sent sesame-open")
        look = found(environ | {"OPENAI_API_KEY": "sesame-open", "OPENAI_BASE_URL": base})
        before = len(look.look.lines)
        await check_keys(look.look)
        assert [line.code for line in look.look.lines[before:] if line.code] == codes
        assert "OPENAI_API_KEY" in look.seen
        assert "sesame" not in look.seen

    async def test_the_speech_vendors_are_asked_where_their_settings_lead(self, environ, found, page):
        """Azure's address is that of a region, which may be missing; a key alone leads nowhere."""
        base = page(200, b"{}")
        look = found(environ | {
            "ASSEMBLYAI_API_KEY": "sesame", "ASSEMBLYAI_BASE_URL": base,
            "AZURE_SPEECH_KEY": "sesame", "AZURE_SPEECH_BASE_URL": base,
        })  # fmt: skip
        await check_keys(look.look)
        assert look.codes == []
        assert "AZURE_SPEECH_KEY is known" in look.seen
        assert "ASSEMBLYAI_API_KEY is known" in look.seen
        look = found(environ | {"AZURE_SPEECH_KEY": "sesame"})
        await check_keys(look.look)
        assert look.codes == ["provider-unreachable"]
        assert "AZURE_SPEECH_REGION" in look.seen

    async def test_providers_without_a_key_are_not_asked(self, environ, found):
        """The embedded engine needs nobody."""
        look = found(environ)
        before = len(look.look.lines)
        await check_keys(look.look)
        assert look.look.lines[before:] == []


async def test_a_check_that_breaks_does_not_stop_the_others(environ, monkeypatch):
    """Machines are strange in ways that nobody foresees."""
    from stella.app import doctor

    def broken(_look):
        raise ZeroDivisionError("on this very machine")

    monkeypatch.setattr(doctor, "_BEFORE", (broken, check_python))
    monkeypatch.setattr(doctor, "check_public_url", doctor.check_keys)
    lines = await doctor.examine({}, call=False)
    assert [line.code for line in lines] == ["check-broken", "", ""]
    assert lines[1].check == "python"
