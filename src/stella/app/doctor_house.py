"""What STELLA is told and brings along: settings, agent files, models, voices, the database, who is notified."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from stella.adapters.embedded import Espeak, Flite
from stella.adapters.models.folder import ModelFolder, Presence
from stella.adapters.models.pinned import MODELS
from stella.adapters.sql.engines import migrating_engine, read_url
from stella.adapters.sql.migrate import known_revisions, revision
from stella.adapters.sql.schema import HEAD
from stella.app.doctor_examination import Examination
from stella.app.house import read_agents
from stella.app.local_speech import LOCAL, local_model
from stella.app.needed_models import wanted
from stella.app.settings import SETTINGS, Settings, load_settings
from stella.domain.errors import AgentFileError, ConfigError
from stella.ports.failure import Unavailable
from stella.wire.signature import Signatures

_ALIKE = 0.75


def check_settings(look: Examination) -> None:
    """Unknown names, bad values, and the two without which no call comes in."""
    faults = len(look.lines)
    good = dict(look.environ)
    for name in look.environ:
        if name in SETTINGS or not name.startswith(("STELLA_", "TWILIO_")):
            continue
        near = difflib.get_close_matches(name, [known for known in SETTINGS if known[:6] == name[:6]], 1, 0.5)
        hint = f"Rename it to {near[0]}, or remove it." if near else ""
        if name.startswith("STELLA_"):
            look.find("setting-unknown", "settings", name, hint)
            del good[name]
        elif near and difflib.SequenceMatcher(None, name, near[0]).ratio() >= _ALIKE:
            look.find("setting-near", "settings", f"{name} is no setting", hint)
    look.settings = _load_what_is_good(look, good)
    settings = look.settings
    if settings.auth_tokens:
        try:
            Signatures(settings.auth_tokens, settings.public_url or "http://localhost")
        except ConfigError as error:
            look.find("setting-bad", "settings", str(error))
    else:
        look.find("no-auth-token", "settings", "TWILIO_AUTH_TOKEN is empty")
    if not settings.public_url:
        look.find("no-public-url", "settings", "STELLA_PUBLIC_URL is empty")
    if len(look.lines) == faults:
        look.note("settings", f"{sum(name in SETTINGS for name in look.environ)} set, all good")


def _load_what_is_good(look: Examination, environ: dict[str, str]) -> Settings:
    """Every setting that can be read; each that cannot is a finding, so that the rest is still examined."""
    try:
        return load_settings(environ)
    except ConfigError as error:
        for line in str(error).splitlines():
            name, _, fault = line.partition(": ")
            look.find("setting-bad", "settings", f"{name}: {fault}")
            environ.pop(name, None)
    try:
        return load_settings(environ)
    except ConfigError:
        # An alias with the same fault; what is left are the defaults.
        return load_settings({})


def check_agents(look: Examination) -> None:
    """Every agent file is good, and somebody is told what callers want."""
    try:
        look.agents = read_agents(look.settings).agents
    except AgentFileError as error:
        look.find("agent-bad", "agent", str(error))
        return
    look.note(
        "agent", ", ".join(f"{agent.name} ({'/'.join(s.code for s in agent.languages)})" for agent in look.agents)
    )
    silent = [agent.name for agent in look.agents if not agent.notify and "bench" not in agent.engines.brain]
    if silent:
        look.find("notify-none", "notify", ", ".join(silent))
    by_mail = [agent.name for agent in look.agents if any(target.kind == "email" for target in agent.notify)]
    if by_mail and not look.settings.smtp_host:
        look.find("notify-no-smtp", "notify", f"{', '.join(by_mail)}: by e-mail, and STELLA_SMTP_HOST is empty")
    elif not silent:
        look.note("notify", "every agent tells somebody")


def check_models(look: Examination) -> None:
    """The embedded models, as far as the agents use them."""
    folder = ModelFolder(look.settings.models)
    engines = {name for agent in look.agents for name in (*agent.engines.stt, *agent.engines.tts)}
    faults = len(look.lines)
    for model in MODELS.values():
        needed = model.name == "silero" or model.name in engines or (model.name == "espeak" and "embedded" in engines)
        state = folder.state(model)
        if not wanted(model) or not needed or state is Presence.READY:
            continue
        code = "model-damaged" if state is Presence.DAMAGED else "model-missing"
        look.find(code, "models", f"{model.name} ({model.purpose}) is {state} in {folder.path}",
                  f"stella models pull {model.name}")  # fmt: skip
    for name in sorted(engines):
        if name.startswith(LOCAL):
            kind = "ears" if any(name in agent.engines.stt for agent in look.agents) else "voice"
            try:
                local_model(name, kind, folder)
            except ConfigError as missing:
                look.find("model-missing", "models", str(missing), f"stella models pull {name.removeprefix(LOCAL)}")
    if len(look.lines) == faults:
        look.note("models", f"ready in {folder.path}")


def check_voices(look: Examination) -> None:
    """What speaks without a key."""
    if look.agents and not any("embedded" in agent.engines.tts for agent in look.agents):
        return
    flite, espeak = _there(Flite), _there(lambda: Espeak(ModelFolder(look.settings.models).espeak()))
    german = any(setup.code == "de" for agent in look.agents for setup in agent.languages)
    if not flite and not espeak:
        look.find("voice-none", "voices", "neither flite nor espeak-ng")
    elif german and not espeak:
        look.find("voice-no-german", "voices", "flite only")
    elif not flite:
        look.find("voice-robotic", "voices", "espeak-ng only")
    else:
        look.note("voices", "flite (English), espeak-ng (German)")


def _there(make: Callable[[], object]) -> bool:
    try:
        make()
    except Unavailable:
        return False
    return True


def check_database(look: Examination) -> None:
    """It can be read, and its tables are those of this version."""
    try:
        url = read_url(look.settings.database_url)
    except ConfigError as error:
        look.find("database-unreachable", "database", str(error))
        return
    path = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    if path is not None and not path.exists():
        look.note("database", f"SQLite in {path}, made at the first start")
        return
    try:
        if path is not None:
            found = _sqlite_revision(path)
        else:
            engine = migrating_engine(url)
            try:
                with engine.connect() as connection:
                    found = revision(connection)
            finally:
                engine.dispose()
    except (SQLAlchemyError, sqlite3.Error) as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()[0][:200]
        look.find("database-unreachable", "database", f"{path or url.host}: {words}")
        return
    seen = f"{f'SQLite in {path}' if path else f'PostgreSQL at {url.host}'}, revision {found or 'none'}"
    if found and found not in known_revisions():
        look.find("database-newer", "database", seen)
    elif found != HEAD:
        look.find("database-old", "database", f"{seen}, this version has {HEAD}")
    else:
        look.note("database", seen)


def _sqlite_revision(path: Path) -> str:
    """Read only, beside a running server. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            connection.execute("PRAGMA schema_version")
            return ""
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""
