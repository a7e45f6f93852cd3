"""Reads bytes of a page in a process of its own, a whole folder a few files at a time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec

from stella.ports.pages import Document, PageFault, Section

KINDS = {".html": "html", ".htm": "html", ".pdf": "pdf", ".txt": "text"}
"""What besides Markdown counts as a page."""
HTML_MOST, PDF_MOST = 5_000_000, 30_000_000
"""Bytes of a page."""
FILES_MOST = 200
DEADLINE_S = 40.0
AT_ONCE = 2

MENDS = {
    "encrypted": "save it without a password",
    "no-text": "it has only pictures: recognise its text first (OCR), or write it as Markdown",
    "too-large": "split it, or write what matters as Markdown",
    "too-many": "a folder may hold fewer files; put them together",
    "too-slow": "save it anew from the program it was made with, or write it as Markdown",
    "broken": "save it anew from the program it was made with, or write it as Markdown",
    "unreadable": "look at its permissions",
}
_CAUSES = {
    "encrypted": "needs a password", "no-text": "has no text", "too-large": "is too large",
    "too-many": "is one of too many files", "too-slow": "takes too long to read", "broken": "is not what its name says",
    "unreadable": "cannot be opened",
}  # fmt: skip


class _Read(msgspec.Struct):
    sections: list[tuple[str, str, str]] = []
    language: str = ""
    fault: str = ""


def fault(name: str, code: str) -> PageFault:
    """A fault of a known kind, in words."""
    return PageFault(name, _CAUSES[code], MENDS[code])


async def read(name: str, kind: str, raw: bytes, charset: str = "") -> Document | PageFault:
    """A page of bytes. Never raises for what is in them."""
    if len(raw) > (PDF_MOST if kind == "pdf" else HTML_MOST):
        return fault(name, "too-large")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "stella.adapters.pages.child", kind, charset[:40],
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEADLINE_S):
            told, _ = await process.communicate(raw)
    except TimeoutError:
        return fault(name, "too-slow")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    try:
        got = msgspec.json.decode(told, type=_Read)
    except msgspec.DecodeError:
        # SIGXCPU and SIGKILL: the system's bound on time; anything else broke in the reading.
        return fault(name, "too-slow" if process.returncode in (-9, -24) else "broken")
    if got.fault:
        return fault(name, got.fault if got.fault in MENDS else "broken")
    return Document(name, tuple(Section(*section) for section in got.sections), got.language)


async def read_folder(folder: str) -> tuple[list[Document], list[PageFault]]:
    """The HTML, PDF and text files of a folder and those below it; what cannot be read is named."""
    files = await asyncio.to_thread(_files, folder) if folder else []
    room = asyncio.Semaphore(AT_ONCE)

    async def one(place: int, path: Path) -> Document | PageFault:
        name = path.relative_to(folder).as_posix()
        if place >= FILES_MOST:
            return fault(name, "too-many")
        async with room:
            try:
                raw = await asyncio.to_thread(_bytes, path)
            except OSError:
                return fault(name, "unreadable")
            return await read(name, KINDS[path.suffix.lower()], raw)

    results = await asyncio.gather(*(one(place, path) for place, path in enumerate(files)))
    documents = [each for each in results if isinstance(each, Document)]
    return documents, [each for each in results if isinstance(each, PageFault)]


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(PDF_MOST + 1)


def _files(folder: str) -> list[Path]:
    return sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in KINDS and path.is_file())
