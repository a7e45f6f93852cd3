"""Archives of models: the right bytes or none, plain files or none, and on with what came before."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from stella.adapters.models import archive_pull, archives
from stella.adapters.models.archive_pull import archive_state, pull_archive
from stella.adapters.models.archives import ARCHIVES, Archive
from stella.adapters.models.fetch import PullFailed
from stella.adapters.models.folder import ModelFolder, Presence


def packed(*members: tuple[str, bytes | str]) -> bytes:
    """A `.tar.bz2`; a member whose content is a text is a link to it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:bz2") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


GOOD = packed(("./small/tokens.txt", b"a 0\n"), ("./small/espeak-ng-data/de", b"x" * 5000))


def archive(raw: bytes, **changes: str) -> Archive:
    """An archive of these bytes."""
    made = Archive("small", "ears", "de", "for tests", "none", "r", "small", len(raw), hashlib.sha256(raw).hexdigest())
    return replace(made, **changes)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with the good archive."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "small.tar.bz2").write_bytes(GOOD)
    return folder


def test_a_local_folder_is_enough(source: Path, tmp_path: Path) -> None:
    """Behind a wall without a network; what is there already is left alone."""
    models = ModelFolder(tmp_path / "models")
    assert pull_archive(archive(GOOD), models, source=source)
    assert archive_state(archive(GOOD), models) is Presence.READY
    assert (models.path / "small/tokens.txt").read_text() == "a 0\n"
    assert not pull_archive(archive(GOOD), models, source=source)
    (models.path / "small/tokens.txt").write_text("longer than it was")
    assert archive_state(archive(GOOD), models) is Presence.DAMAGED
    assert pull_archive(archive(GOOD), models, source=source)
    assert [path.name for path in models.path.iterdir()] == ["small"]


def test_other_bytes_are_refused_and_nothing_is_unpacked(source: Path, tmp_path: Path) -> None:
    """Whoever served them."""
    models = ModelFolder(tmp_path / "models")
    with pytest.raises(PullFailed, match="not the pinned file"):
        pull_archive(archive(GOOD, sha256="0" * 64), models, source=source)
    assert list(models.path.iterdir()) == []
    assert (source / "small.tar.bz2").exists()
    assert pull_archive(archive(GOOD, sha256="0" * 64), models, source=source, expected=archive(GOOD).sha256.upper())


def test_what_has_no_hash_is_not_fetched(tmp_path: Path) -> None:
    """Unless somebody answers for one."""
    with pytest.raises(PullFailed, match="--sha256"):
        pull_archive(archive(GOOD, sha256=""), ModelFolder(tmp_path))


def test_only_plain_files_below_its_own_folder_are_unpacked(tmp_path: Path) -> None:
    """An archive must not write where it likes, whatever it is called."""
    raw = packed(
        ("small/good", b"1"), ("small/../../out", b"2"), ("/small/root", b"3"), ("other/file", b"4"),
        ("small/link", "/etc/passwd"), ("small", b"5"),
    )  # fmt: skip
    (tmp_path / "small.tar.bz2").write_bytes(raw)
    models = ModelFolder(tmp_path / "models")
    pull_archive(archive(raw), models, source=tmp_path)
    assert sorted(path.name for path in (models.path / "small").iterdir()) == ["good", "stamp.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "small.tar.bz2"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"no archive", "cannot be unpacked"), (packed(("other/a", b"1")), "holds no folder"), (GOOD[:-40], "unpacked")],
    ids=["bytes", "other", "half"],
)
def test_what_is_no_model_is_refused(raw: bytes, reason: str, tmp_path: Path) -> None:
    """Even with the right hash."""
    (tmp_path / "small.tar.bz2").write_bytes(raw)
    with pytest.raises(PullFailed, match=reason):
        pull_archive(archive(raw), ModelFolder(tmp_path / "models"), source=tmp_path)


def test_an_archive_that_unpacks_into_too_much_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk is full quickly."""
    monkeypatch.setattr(archive_pull, "UNPACKED_MOST", 100)
    (tmp_path / "small.tar.bz2").write_bytes(GOOD)
    with pytest.raises(PullFailed, match="more than a model needs"):
        pull_archive(archive(GOOD), ModelFolder(tmp_path / "models"), source=tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


class Release:
    """A release page: what it serves, and what was asked of it."""

    def __init__(self) -> None:
        self.body, self.cut, self.ranges, self.url = GOOD, 0, [], ""  # type: ignore[var-annotated]


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Iterator[Release]:
    """On this machine."""
    told = Release()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("range")
            told.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            if start >= len(told.body) > 0:
                self.send_error(416)
                return
            body = told.body[start:]
            self.send_response(206 if asked else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: told.cut] if told.cut else body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(archives, "_RELEASES", f"http://127.0.0.1:{server.server_address[1]}")
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_that_broke_goes_on_where_it_stopped(release: Release, tmp_path: Path) -> None:
    """Sixty megabytes over a bad line."""
    models, seen = ModelFolder(tmp_path / "models"), []
    release.cut = 50
    with pytest.raises(PullFailed, match="it goes on where it stopped"):
        pull_archive(archive(GOOD), models)
    release.cut = 0
    assert pull_archive(archive(GOOD), models, progress=lambda _name, so_far: seen.append(so_far))
    assert release.ranges == [None, "bytes=50-"]
    assert seen[-1] == len(GOOD) and archive_state(archive(GOOD), models) is Presence.READY


def test_a_server_that_sends_more_or_something_else_is_refused(release: Release, tmp_path: Path) -> None:
    """Neither is kept."""
    models = ModelFolder(tmp_path / "models")
    release.body = GOOD + b"more"
    with pytest.raises(PullFailed, match="more comes"):
        pull_archive(archive(GOOD), models)
    release.body = b"x" * len(GOOD)
    (models.path / "archives/small.tar.bz2.part").unlink()
    with pytest.raises(PullFailed, match="not the pinned file"):
        pull_archive(archive(GOOD), models)
    assert list((models.path / "archives").iterdir()) == []


def test_the_list_is_whole() -> None:
    """German and English, ears and voices, each with its licence, size and hash."""
    assert {(each.kind, each.language) for each in ARCHIVES.values()} == {
        (kind, language) for kind in ("ears", "voice") for language in ("de", "en")
    }
    for each in ARCHIVES.values():
        assert each.licence and each.size > 1_000_000 and len(each.sha256) == 64
        assert each.url.startswith("https://github.com/k2-fsa/sherpa-onnx/releases/download/") and each.url.endswith(
            ".tar.bz2"
        )
