"""A CalDAV server over real HTTP: one collection, with the preconditions of RFC 4791 and RFC 9110 that a client leans on."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import icalendar
import recurring_ical_events
from aiohttp import web

C = "{urn:ietf:params:xml:ns:caldav}"
PATH = "/dav/calendars/office/appointments/"


@dataclass
class Dav:
    """The collection's resources by name, and what goes wrong next: (method, status, applied)."""

    url: str = ""
    user: str = "office"
    password: str = "s3cret"
    resources: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, int, bool]] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    answer: str = ""
    before_put: list[tuple[str, str]] = field(default_factory=list)
    """Entries that somebody else makes just before the next PUT."""

    def enter(self, name: str, begin: str, end: str, **more: str) -> None:
        """Somebody's appointment; times as 20261201T100000Z, or with `TZID=…:` before them."""
        lines = [f"UID:{name}", "DTSTAMP:20261101T000000Z", f"DTSTART{begin}", f"DTEND{end}", f"SUMMARY:{name}"]
        lines += [f"{key}:{value}" for key, value in more.items()]
        event = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//x//EN", "BEGIN:VEVENT", *lines, "END:VEVENT",
                             "END:VCALENDAR", ""])  # fmt: skip
        self.resources[f"{name}.ics"] = event

    def etag(self, name: str) -> str:
        """Changes with the text."""
        return f'"{hashlib.sha256(self.resources[name].encode()).hexdigest()[:16]}"'

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request."""
        self.seen.append((request.method, request.path))
        wanted = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if request.headers.get("authorization") != wanted:
            return web.Response(status=401, headers={"www-authenticate": 'Basic realm="dav"'})
        fault = next((each for each in self.faults if each[0] == request.method), None)
        if fault is not None:
            self.faults.remove(fault)
            if fault[2]:
                await self._answer(request)
            if fault[1] == 0:
                if request.transport is not None:
                    request.transport.close()
                await asyncio.sleep(0)
            return web.Response(status=fault[1] or 500)
        return await self._answer(request)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not request.path.startswith(PATH):
            return web.Response(status=404)
        name, body = request.path.removeprefix(PATH), (await request.read()).decode()
        match request.method:
            case "REPORT" if not name:
                return self._report(request, body)
            case "PUT":
                for other in self.before_put:
                    self.resources[other[0]] = other[1]
                self.before_put.clear()
                return self._put(request, name, body)
            case "GET" if name in self.resources:
                headers = {"etag": self.etag(name), "content-type": "text/calendar"}
                return web.Response(text=self.resources[name], headers=headers)
            case "DELETE" if name in self.resources:
                if (match := request.headers.get("if-match")) and match != self.etag(name):
                    return web.Response(status=412)
                del self.resources[name]
                return web.Response(status=204)
            case "GET" | "DELETE":
                return web.Response(status=404)
            case _:
                return web.Response(status=405)

    def _put(self, request: web.BaseRequest, name: str, body: str) -> web.Response:
        if request.headers.get("if-none-match") == "*" and name in self.resources:
            return web.Response(status=412)
        if not request.headers.get("content-type", "").startswith("text/calendar"):
            return web.Response(status=415)
        try:
            calendar = icalendar.Calendar.from_ical(body)
        except ValueError:
            return web.Response(status=403, text="valid-calendar-data")
        if "METHOD" in calendar:
            return web.Response(status=403, text="valid-calendar-object-resource")
        uids = {str(event["UID"]) for event in calendar.walk("VEVENT")}
        others = "".join(text for other, text in self.resources.items() if other != name)
        if len(uids) != 1 or any(f"UID:{uid}\r\n" in others for uid in uids):
            return web.Response(status=403, text="no-uid-conflict")
        new = name not in self.resources
        self.resources[name] = body
        return web.Response(status=201 if new else 204, headers={"etag": self.etag(name)})

    def _report(self, request: web.BaseRequest, body: str) -> web.Response:
        if self.answer:
            return web.Response(status=207, text=self.answer, content_type="application/xml")
        tree = ET.fromstring(body)
        span = tree.find(f".//{C}comp-filter[@name='VEVENT']/{C}time-range")
        if tree.tag != f"{C}calendar-query" or span is None or request.headers.get("depth") != "1":
            return web.Response(status=400)
        begin, end = (
            datetime.strptime(span.attrib[key], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for key in ("start", "end")
        )
        parts = []
        for name, text in self.resources.items():
            if recurring_ical_events.of(icalendar.Calendar.from_ical(text)).between(begin, end):
                parts.append(
                    f"<D:response><D:href>{PATH}{name}</D:href><D:propstat><D:prop><D:getetag>{escape(self.etag(name))}"
                    f"</D:getetag><C:calendar-data>{escape(text)}</C:calendar-data></D:prop>"
                    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
                )
        whole = (
            f'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:C="{C[1:-1]}">{"".join(parts)}</D:multistatus>'
        )
        return web.Response(status=207, text=whole, content_type="application/xml")


@asynccontextmanager
async def dav_server() -> AsyncIterator[Dav]:
    """On a port of this machine."""
    dav = Dav()
    runner = web.ServerRunner(web.Server(dav.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    dav.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
    yield dav
    await runner.cleanup()
