"""Ears and voices on this machine by name: `sherpa:kroko-de` of the pinned list, or `sherpa:FOLDER@de` of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

from stella.adapters.models.archive_pull import archive_state
from stella.adapters.models.archives import ARCHIVES
from stella.adapters.models.folder import ModelFolder, Presence
from stella.adapters.sherpa.ears import SherpaEars
from stella.adapters.sherpa.files import ears_files, voice_files
from stella.adapters.sherpa.load import recogniser, speaker, tried
from stella.adapters.sherpa.voice import SherpaVoice
from stella.domain.errors import ConfigError

LOCAL = "sherpa:"
LANGUAGES = ("de", "en")


def local_model(name: str, kind: str, models: ModelFolder) -> tuple[Path, str]:
    """Folder and language of a model; `kind` is `ears` or `voice`. Raises ConfigError with the mend."""
    wanted = name.removeprefix(LOCAL)
    archive = ARCHIVES.get(wanted)
    if archive is not None and archive.kind == kind:
        if archive_state(archive, models) is not Presence.READY:
            raise ConfigError(f"{name}: the model is not in {models.path}; run: stella models pull {wanted}")
        return models.path / archive.folder, archive.language
    folder, _, language = wanted.rpartition("@")
    if archive is not None or not folder or language not in LANGUAGES:
        known = ", ".join(f"{LOCAL}{each.name}" for each in ARCHIVES.values() if each.kind == kind)
        raise ConfigError(
            f"{name}: there is no such {'recogniser' if kind == 'ears' else 'voice'}; there are {known}, "
            f"and {LOCAL}FOLDER@de for a folder of your own in {models.path}"
        )
    place = models.path / folder
    if not place.is_dir():
        raise ConfigError(f"{name}: {place} is not a folder: put the unpacked model there")
    return place, language


async def local_ears(name: str, models: ModelFolder) -> SherpaEars:
    """Ears, tried and loaded. Raises ConfigError."""
    folder, language = local_model(name, "ears", models)
    await asyncio.to_thread(tried, "ears", folder)
    ears = SherpaEars(name, frozenset({language}), lambda: recogniser(ears_files(folder)))
    await ears.start()
    return ears


async def local_voice(name: str, models: ModelFolder) -> SherpaVoice:
    """A voice, tried and loaded. Raises ConfigError."""
    folder, language = local_model(name, "voice", models)
    await asyncio.to_thread(tried, "voice", folder)
    voice = SherpaVoice(name, frozenset({language}), lambda: speaker(voice_files(folder)))
    await voice.start()
    return voice
