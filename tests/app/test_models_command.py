"""`stella models`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stella.adapters.models.archives import ARCHIVES
from stella.adapters.models.fetch import PullFailed
from stella.adapters.models.pinned import MODELS
from stella.app.commands import models as command

RUN = CliRunner()


def test_list_tells_what_is_missing_by_its_exit_code(tmp_path: Path) -> None:
    """Scripts ask with it."""
    result = RUN.invoke(command.models, ["list", "--json", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    listed = json.loads(result.stdout)["models"]
    assert {model["name"]: model["state"] for model in listed} == dict.fromkeys([*MODELS, *ARCHIVES], "missing")
    assert all(model["licence"] and model["sha256"] for model in listed)


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    """Nothing is fetched on a typing error."""
    result = RUN.invoke(command.models, ["pull", "silera", "--folder", str(tmp_path)])
    assert result.exit_code == 2
    assert "silero" in result.output


def test_one_failure_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The voice works without the ears."""

    def pull(model: object, *_: object, **__: object) -> bool:
        if model is MODELS["silero"]:
            raise PullFailed("silero: the line broke; try again")
        return True

    monkeypatch.setattr(command, "pull", pull)
    result = RUN.invoke(command.models, ["pull", "silero", "smart-turn", "--json", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    results = {entry["name"]: entry["result"] for entry in json.loads(result.stdout)["models"]}
    assert results == {"silero": "failed", "smart-turn": "pulled"}
    assert "the line broke; try again" in result.stderr


def test_an_empty_folder_of_wheels_says_what_belongs_there(tmp_path: Path) -> None:
    """For installations without a network."""
    result = RUN.invoke(
        command.models, ["pull", "silero", "--from", str(tmp_path), "--folder", str(tmp_path / "models")]
    )
    assert result.exit_code == 1
    assert MODELS["silero"].wheel in result.stderr.replace("\n", "")
