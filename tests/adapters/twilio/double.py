"""A stand-in for Twilio's REST API over real HTTP, with a memory: accounts, numbers, pages, refusals and outages."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

ROOT = "/2010-04-01/Accounts"
ACCOUNT = "AC" + "a" * 32
TOKEN = "0123456789abcdef0123456789abcdef"
SUBACCOUNT = "AC" + "b" * 32
SERVICE = "MG" + "d" * 32
KEY, SECRET = "SK" + "c" * 32, "secret-of-the-key"
METHODS = ("voice_method", "voice_fallback_method", "status_callback_method")
URLS = ("voice_url", "voice_fallback_url", "status_callback")


@dataclass
class Account:
    name: str
    token: str
    status: str = "active"
    parent: str = ""
    keys: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What goes wrong with the next request of this method. `applied`: the change is made all the same."""

    method: str
    status: int
    code: int | None = None
    message: str = "scripted"
    headers: dict[str, str] = field(default_factory=dict)
    applied: bool = False
    hang_up: bool = False
    body: str | None = None
    problem: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    form: tuple[tuple[str, str], ...]
    user: str


@dataclass
class TwilioDouble:
    """The state behind the doors. `largest_page` is smaller than Twilio's 1000 so that few numbers make many pages."""

    url: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    largest_page: int = 1000
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    messages: list[dict[str, Any]] = field(default_factory=list)
    services: set[str] = field(default_factory=lambda: {SERVICE})
    blocked: dict[str, int] = field(default_factory=dict)
    """Numbers that get no texts, and Twilio's code for why."""
    stubborn: set[str] = field(default_factory=set)
    """Settings that a change is answered 200 for, and not made."""

    def add(self, phone_number: str, account: str = ACCOUNT, **settings: Any) -> str:
        sid = f"PN{len(self.numbers) + 1:032x}"
        self.numbers[sid] = {
            "sid": sid, "account_sid": account, "phone_number": phone_number, "friendly_name": phone_number,
            "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False}, "api_version": "2010-04-01",
            "beta": False, "origin": "twilio", "status": "in-use", "type": "local",
            "date_created": "Thu, 30 Jul 2015 23:19:04 +0000", "date_updated": "Thu, 30 Jul 2015 23:19:04 +0000",
            "voice_url": "https://demo.twilio.com/welcome/voice/", "voice_method": "POST",
            "voice_fallback_url": None, "voice_fallback_method": "POST", "status_callback": "",
            "status_callback_method": "POST", "voice_application_sid": "", "trunk_sid": None,
            "voice_receive_mode": "voice", "sms_url": "https://demo.twilio.com/welcome/sms/",
            "uri": f"{ROOT}/{account}/IncomingPhoneNumbers/{sid}.json", **settings,
        }  # fmt: skip
        return sid

    def writes(self) -> list[Seen]:
        return [each for each in self.seen if each.method != "GET"]

    def answer(self, seen: Seen, password: str) -> tuple[int, dict[str, Any]]:
        """What Twilio says to a request; the state follows."""
        user = seen.user
        owner = user if user in self.accounts else next((a for a, it in self.accounts.items() if user in it.keys), "")
        account = self.accounts.get(owner)
        if account is None or password not in (account.token, account.keys.get(user)) or not password:
            return refusal(401, 20003, "Authenticate")
        if account.status != "active":
            return refusal(403, 20005, "Account is not active")
        found = re.fullmatch(rf"{ROOT}(?:/(AC\w{{32}}))?(?:/(\w+))?(?:/(\w+))?\.json", seen.path)
        if not found:
            return refusal(404, 20404, "The requested resource was not found")
        asked, kind, sid = found.groups()
        if asked and asked != owner and self.accounts.get(asked, Account("", "")).parent != owner:
            return refusal(401, 20003, "Authenticate")
        if kind is None:
            return self._account(asked, owner, seen)
        if kind == "Messages" and sid is None:
            return self._texts(asked, seen) if seen.method == "GET" else self._text(asked, dict(seen.form))
        if kind != "IncomingPhoneNumbers":
            return refusal(404, 20404, "The requested resource was not found")
        if sid is None:
            return (
                self._page(asked, seen) if seen.method == "GET" else refusal(500, 0, "somebody tried to buy a number")
            )
        number = self.numbers.get(sid)
        if number is None or number["account_sid"] != asked:
            return refusal(404, 20404, f"The requested resource {seen.path} was not found")
        return self._update(number, dict(seen.form)) if seen.method == "POST" else (200, number)

    def texts(self) -> list[tuple[str, str]]:
        """What was sent: to whom, and the words."""
        return [(each["to"], each["body"]) for each in self.messages]

    def _texts(self, account: str | None, seen: Seen) -> tuple[int, dict[str, Any]]:
        """The newest first, as Twilio lists them."""
        to = dict(seen.query).get("To")
        found = [m for m in reversed(self.messages) if m["account_sid"] == account and to in (None, m["to"])]
        return 200, self._envelope("messages", found, seen)

    def _text(self, account: str | None, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        to, body, sender, service = (form.get(name, "") for name in ("To", "Body", "From", "MessagingServiceSid"))
        ours = {n["phone_number"] for n in self.numbers.values() if n["account_sid"] == account}
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            return refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not body:
            return refusal(400, 21602, "Message body is required.")
        if len(body) > 1600:
            return refusal(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if not sender and not service:
            return refusal(400, 21603, "A 'From' phone number is required.")
        if (service and service not in self.services) or (sender and sender not in ours):
            return refusal(400, 21701 if service else 21606, "The 'From' is not a valid sender for this account")
        if to in self.blocked:
            return refusal(400, self.blocked[to], "Attempt to send to a recipient that gets no texts")
        sid = f"SM{len(self.messages) + 1:032x}"
        made = {
            "sid": sid, "account_sid": account, "to": to, "from": sender or None, "body": body, "num_segments": "1",
            "num_media": "0", "messaging_service_sid": service or None, "direction": "outbound-api", "price": None,
            "price_unit": "USD", "error_code": None, "error_message": None, "api_version": "2010-04-01",
            "status": "accepted" if service else "queued", "date_sent": None,
            "date_created": format_datetime(self.clock()), "date_updated": format_datetime(self.clock()),
            "uri": f"{ROOT}/{account}/Messages/{sid}.json", "subresource_uris": {},
        }  # fmt: skip
        self.messages.append(made)
        return 201, made

    def _account(self, asked: str | None, owner: str, seen: Seen) -> tuple[int, dict[str, Any]]:
        known = [
            {"sid": sid, "friendly_name": it.name, "status": it.status, "owner_account_sid": it.parent or sid}
            for sid, it in self.accounts.items()
            if owner in {sid, it.parent}
        ]
        if asked:
            return 200, next(each for each in known if each["sid"] == asked)
        return 200, self._envelope("accounts", known, seen)

    def _page(self, account: str, seen: Seen) -> tuple[int, dict[str, Any]]:
        wanted = dict(seen.query).get("PhoneNumber", "")
        pattern = re.compile(re.escape(wanted).replace(r"\*", "."))
        mine = [n for n in self.numbers.values() if n["account_sid"] == account]
        return 200, self._envelope(
            "incoming_phone_numbers", [n for n in mine if pattern.search(n["phone_number"])], seen
        )

    def _envelope(self, name: str, items: list[dict[str, Any]], seen: Seen) -> dict[str, Any]:
        query = dict(seen.query)
        size = min(int(query.get("PageSize", 50)), self.largest_page)
        page = int(query.get("Page", 0))
        rest = {key: value for key, value in query.items() if key not in ("Page", "PageSize", "PageToken")}

        def uri(number: int, **more: str) -> str:
            return f"{seen.path}?{urlencode({**rest, 'PageSize': size, 'Page': number, **more})}"

        last = (page + 1) * size >= len(items)
        return {
            name: items[page * size : (page + 1) * size], "page": page, "page_size": size,
            "start": page * size, "end": min(len(items), (page + 1) * size) - 1, "uri": uri(page),
            "first_page_uri": uri(0), "previous_page_uri": uri(page - 1) if page else None,
            "next_page_uri": None if last else uri(page + 1, PageToken=f"PA{page}"),
        }  # fmt: skip

    def _update(self, number: dict[str, Any], form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        changed = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): value for name, value in form.items()}
        for name, value in changed.items():
            host = urlsplit(value).hostname or ""
            if name in URLS and value and (not value.startswith(("http://", "https://")) or "_" in host):
                return refusal(400, 21502, f"{name} is not a valid URL")
            if name in METHODS and value not in ("GET", "POST"):
                return refusal(400, 21503, f"{name} is not GET or POST")
        number.update({name: value for name, value in changed.items() if name not in self.stubborn})
        return 200, number


def refusal(status: int, code: int, message: str) -> tuple[int, dict[str, Any]]:
    """Twilio's own shape of an error."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return status, {"code": code, "message": message, "more_info": more, "status": status}


def _handler(double: TwilioDouble) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one packet

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            login = base64.b64decode(self.headers.get("Authorization", "Basic ").removeprefix("Basic ")).decode()
            user, _, password = login.partition(":")
            seen = Seen(
                self.command, parts.path, tuple(parse_qsl(parts.query, keep_blank_values=True)),
                tuple(parse_qsl(body, keep_blank_values=True)), user,
            )  # fmt: skip
            double.seen.append(seen)
            fault = next((each for each in double.faults if each.method == self.command), None)
            if fault:
                double.faults.remove(fault)
                self._fail(fault, seen, password)
            else:
                status, answer = double.answer(seen, password)
                self._send(status, json.dumps(answer), {})

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names http.server looks for

        def _fail(self, fault: Fault, seen: Seen, password: str) -> None:
            if fault.applied:
                double.answer(seen, password)
            if fault.hang_up:
                self.close_connection = True
                self.connection.close()
                return
            _, body = refusal(fault.status, fault.code or fault.status, fault.message)
            if fault.problem:
                body = {"type": "https://www.twilio.com/docs/errors", "title": "Problem", "status": fault.status,
                        "code": fault.code or fault.status, "detail": fault.message}  # fmt: skip
            self._send(fault.status, json.dumps(body) if fault.body is None else fault.body, fault.headers)

        def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextlib.contextmanager
def twilio_double() -> Iterator[TwilioDouble]:
    """A Twilio with one account, one subaccount and no numbers, for the length of a block."""
    double = TwilioDouble(
        accounts={
            ACCOUNT: Account("Vintaro", TOKEN, keys={KEY: SECRET}),
            SUBACCOUNT: Account("Branch", "f" * 32, parent=ACCOUNT),
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(double))
    server.daemon_threads = True
    double.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
