"""Whether everything the agents should know can be read, page by page."""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from stella.adapters.http_tool import ToolSessions, is_forbidden
from stella.adapters.pages.web import WebPages
from stella.app.doctor_examination import Examination
from stella.app.library import Library


async def check_pages(look: Examination) -> None:
    """Read every page as a start would, and keep none of it."""
    agents = [agent for agent in look.agents if agent.knowledge or agent.knowledge_pages]
    if not agents:
        return
    sessions = ToolSessions()
    try:
        with TemporaryDirectory() as folder:
            library = Library(WebPages(sessions.public, Path(folder), time.time, is_forbidden))
            for agent in agents:
                await library.prepare(agent)
                for fault in library.faults(agent):
                    look.find("page-unreadable", "pages", f"{agent.name}: {fault}")
                pieces = len(library.of(agent).chunks)
                look.note("pages", f"{agent.name}: {pieces} pieces to answer from")
    finally:
        await sessions.close()
