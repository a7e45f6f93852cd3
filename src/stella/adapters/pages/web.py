"""Pages of the web: fetched politely, never from inside the network, and kept, so that a page that is down still answers.

Conditional requests: https://www.rfc-editor.org/rfc/rfc9110#section-13.1; robots.txt: https://www.rfc-editor.org/rfc/rfc9309
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from urllib.robotparser import RobotFileParser

import aiohttp
import msgspec

from stella.adapters.pages.reading import PDF_MOST, read
from stella.ports.pages import Document, PageFault

AGENT = "STELLA"
USER_AGENT = f"{AGENT}/1.0 (reads the pages that its operator lists; obeys robots.txt)"
DEADLINE_S = 20.0
REDIRECTS_MOST = 5
ROBOTS_MOST = 500_000
ROBOTS_KEPT_S = 86_400.0
_KINDS = {
    "text/html": "html", "application/xhtml+xml": "html", "application/pdf": "pdf", "text/plain": "text", "text/markdown": "text",
}  # fmt: skip


class Copy(msgspec.Struct):
    """The last good copy of a page, and what its server wants to know of it."""

    url: str
    fetched_at: float
    document: Document
    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking at a page. `copy` is the last good one, however old; `fault` why it is not from today, or not
    kept for tomorrow."""

    copy: Copy | None
    changed: bool
    fault: PageFault | None = None


class _Failed(Exception):
    def __init__(self, cause: str, mend: str) -> None:
        super().__init__(cause)
        self.cause, self.mend = cause, mend


class WebPages:
    """Fetches and keeps. The session must be one that refuses addresses inside the network, whatever led there."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        folder: Path,
        clock: Callable[[], float],
        forbidden: Callable[[BaseException], bool] = lambda _fault: False,
        schemes: tuple[str, ...] = ("https",),
    ) -> None:
        """`clock` gives seconds since the epoch; `forbidden` tells whether a fault was the session's refusal."""
        self._session, self._folder, self._clock = session, folder, clock
        self._forbidden, self._schemes = forbidden, schemes
        self._robots: dict[str, tuple[float, RobotFileParser | None]] = {}

    def kept(self, url: str) -> Copy | None:
        """The copy of a page on disk; reads a file."""
        try:
            copy = msgspec.json.decode(self._path(url).read_bytes(), type=Copy)
        except (OSError, msgspec.DecodeError):
            return None
        return copy if copy.url == url else None

    async def look(self, url: str) -> Looked:
        """Ask whether a page has changed, and keep it if so. Never raises for what the other side, or the disk, does."""
        before = await asyncio.to_thread(self.kept, url)
        try:
            async with asyncio.timeout(DEADLINE_S):
                answer = await self._fetch(url, before)
        except TimeoutError:
            return Looked(before, changed=False, fault=_fault(url, f"did not answer within {DEADLINE_S:g} s"))
        except _Failed as failed:
            return Looked(before, changed=False, fault=PageFault(url, failed.cause, failed.mend))
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            if self._forbidden(fault):
                mend = "put what stands there into the knowledge folder"
                return Looked(before, changed=False, fault=PageFault(url, "leads inside the network", mend))
            return Looked(before, changed=False, fault=_fault(url, f"cannot be reached ({type(fault).__name__})"))
        if answer is None and before is not None:
            fresh = msgspec.structs.replace(before, fetched_at=self._clock())
            return Looked(fresh, changed=False, fault=await self._kept_or_fault(fresh))
        if answer is None:
            return Looked(None, changed=False, fault=_fault(url, "answers that nothing has changed, unasked"))
        kind, charset, raw, etag, modified = answer
        document = await read(url, kind, raw, charset)
        if isinstance(document, PageFault):
            return Looked(before, changed=False, fault=document)
        copy = Copy(url, self._clock(), document, etag, modified)
        changed = before is None or before.document != document
        return Looked(copy, changed, await self._kept_or_fault(copy))

    async def _fetch(self, url: str, before: Copy | None) -> tuple[str, str, bytes, str, str] | None:
        """Kind, charset, body, ETag and date of a page; None where it has not changed."""
        conditions = {}
        if before is not None and before.etag:
            conditions["if-none-match"] = before.etag
        if before is not None and before.modified:
            conditions["if-modified-since"] = before.modified
        at = url
        for _ in range(REDIRECTS_MOST + 1):
            self._allow(at)
            if not await self._welcome(at):
                raise _Failed(
                    "robots.txt asks machines to stay away", "allow STELLA there, or put the page into the folder"
                )
            async with self._session.get(
                at, headers={"user-agent": USER_AGENT, "accept": ", ".join(_KINDS), **conditions}, allow_redirects=False
            ) as answer:
                if answer.status in (301, 302, 303, 307, 308) and (to := answer.headers.get("location")):
                    at = urljoin(at, to)
                    continue
                if answer.status == 304:
                    return None
                if answer.status != 200:
                    raise _Failed(
                        f"answers with the error {answer.status}", "open it in a browser, and correct its address"
                    )
                kind = _KINDS.get(answer.content_type)
                if kind is None:
                    raise _Failed(f"is {answer.content_type[:60]}, not a page", "list HTML, PDF or text")
                body = await _body(answer, PDF_MOST)
                told = answer.headers
                return kind, answer.charset or "", body, told.get("etag", "")[:200], told.get("last-modified", "")[:100]
        raise _Failed("leads from one address to the next without end", "list the address it is meant to lead to")

    def _allow(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in self._schemes or not parts.hostname or parts.username or parts.password:
            raise _Failed("leads to an address that is not https://", "list the https:// address itself")

    async def _welcome(self, url: str) -> bool:
        """Whether robots.txt lets us read this. One that cannot be had forbids nothing."""
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        known = self._robots.get(origin)
        if known is None or self._clock() - known[0] > ROBOTS_KEPT_S:
            known = self._robots[origin] = (self._clock(), await self._rules(f"{origin}/robots.txt"))
        return known[1] is None or known[1].can_fetch(AGENT, url)

    async def _rules(self, url: str) -> RobotFileParser | None:
        try:
            async with self._session.get(url, headers={"user-agent": USER_AGENT}, allow_redirects=False) as answer:
                if answer.status != 200:
                    return None
                text = (await _body(answer, ROBOTS_MOST)).decode("utf-8", "replace")
        except (aiohttp.ClientError, OSError, _Failed):
            return None
        rules = RobotFileParser()
        rules.parse(text.splitlines())
        return rules

    def _path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.json"

    async def _kept_or_fault(self, copy: Copy) -> PageFault | None:
        """Keep a copy. A disk that takes none costs the next start this page, and nothing today."""
        try:
            await asyncio.to_thread(self._keep, copy)
        except OSError as fault:
            mend = "make room, and let STELLA write into its data folder"
            return PageFault(copy.url, f"cannot be kept ({type(fault).__name__})", mend)
        return None

    def _keep(self, copy: Copy) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(copy.url)
        beside = path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(copy))
        os.replace(beside, path)  # noqa: PTH105 the two names side by side say that it is one step


async def _body(answer: aiohttp.ClientResponse, most: int) -> bytes:
    raw = bytearray()
    async for piece in answer.content.iter_any():
        raw += piece
        if len(raw) > most:
            answer.close()
            raise _Failed(f"has more than {most} bytes", "list pages of their own for what matters")
    return bytes(raw)


def _fault(url: str, cause: str) -> PageFault:
    return PageFault(url, cause, "open it in a browser; the last good copy is used meanwhile, where there is one")
