"""Can the server be reached at all? Its name, its port, its certificate, as strictly as Twilio looks."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from stella.phone.verify_findings import Line, line_of
from stella.phone.verify_table import CERTIFICATE, NETWORK

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_VERIFY = {
    9: "tls-not-yet-valid",
    10: "tls-expired",
    18: "tls-self-signed",
    62: "tls-wrong-host",
    64: "tls-wrong-host",
}
"""OpenSSL's verification codes (x509_vfy.h)."""
_UNKNOWN_ISSUER = {2, 19, 20, 21}
_MOST_ADDRESSES = 4
_SOON_DAYS = 14
_DAY_S = 86_400

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: `tls` is how it is spoken to."""

    host: str
    port: int
    tls: bool

    @property
    def local(self) -> bool:
        """Whether it is the machine itself, by its name or a loopback address."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Host and port as people write them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(url: str) -> Place:
    """The place of an http, https, ws or wss URL."""
    parts = urlsplit(url)
    return Place(parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0), parts.scheme in {"https", "wss"})


async def check_network(place: Place, prefix: str, connect_s: float, tls: ssl.SSLContext | None) -> list[Line]:
    """Name, connection and certificate of a place; ends at the first failure. `prefix` goes before each check's name."""
    lines, addresses = await _name(place, prefix)
    if any(line.result == "fail" for line in lines):
        return lines
    lines.append(await _connection(place, addresses, prefix, connect_s))
    if lines[-1].result != "fail" and place.tls:
        lines.append(await _certificate(place, prefix, connect_s, tls or ssl.create_default_context()))
    return lines


async def _name(place: Place, prefix: str) -> tuple[list[Line], list[str]]:
    check = f"{prefix}name"
    try:
        ipaddress.ip_address(place.host)
    except ValueError:
        pass
    else:
        return [*_private(place, check, [place.host])] or [
            Line(check, "skipped", f"{place.host} is an address; nothing to look up")
        ], [place.host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [line_of(NETWORK["name-unknown"], check, f"{place.host} has no address")], []
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]
    seen = f"{place.host} is {', '.join(addresses)}"
    if trouble := _private(place, check, addresses):
        return trouble, addresses
    if not place.local and all(":" in address for address in addresses):
        return [line_of(NETWORK["address-ipv6-only"], check, seen)], addresses
    return [Line(check, "ok", seen)], addresses


def _private(place: Place, check: str, addresses: list[str]) -> list[Line]:
    """A finding where the world cannot reach any of the addresses; this machine itself is a trial and none."""
    kinds = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
    if place.local or any(kind.is_global or kind.is_loopback for kind in kinds):
        return []
    return [line_of(NETWORK["address-private"], check, f"{place.host} is {', '.join(addresses)}")]


async def _connection(place: Place, addresses: list[str], prefix: str, connect_s: float) -> Line:
    check, code, why = f"{prefix}connection", "tcp-unreachable", "no address answers"
    for address in addresses:
        began = time.monotonic()
        try:
            async with asyncio.timeout(connect_s):
                _, writer = await asyncio.open_connection(address, place.port)
        except TimeoutError:
            code, why = "tcp-timeout", f"{address} port {place.port} did not answer within {connect_s:g} s"
        except ConnectionRefusedError:
            code, why = "tcp-refused", f"{address} refuses port {place.port}"
        except OSError as error:
            code, why = "tcp-unreachable", f"{address} port {place.port}: {error.strerror or 'cannot be reached'}"
        else:
            writer.close()
            return Line(check, "ok", f"{address} port {place.port} in {(time.monotonic() - began) * 1000:.0f} ms")
    return line_of(NETWORK[code], check, why)


async def _certificate(place: Place, prefix: str, connect_s: float, tls: ssl.SSLContext) -> Line:
    check = f"{prefix}certificate"
    try:
        async with asyncio.timeout(connect_s):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=tls, server_hostname=place.host)
    except ssl.SSLCertVerificationError as error:
        code = _VERIFY.get(error.verify_code) or await _unknown_issuer(place, connect_s, error.verify_code)
        return line_of(CERTIFICATE[code], check, f"{place}: {error.verify_message or error.reason}")
    except ssl.SSLError as error:
        return line_of(CERTIFICATE[_handshake(error.reason or "")], check, f"{place}: {_words(error.reason or '')}")
    except TimeoutError:
        return line_of(CERTIFICATE["tls-handshake"], check, f"{place}: no TLS within {connect_s:g} s")
    except OSError as error:
        return line_of(CERTIFICATE["tls-handshake"], check, f"{place}: {error.strerror or 'cut off'} in the handshake")
    spoken: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return _good(check, spoken)


def _good(check: str, spoken: ssl.SSLObject) -> Line:
    version, until = spoken.version() or "TLS", (spoken.getpeercert() or {}).get("notAfter")
    if not isinstance(until, str):
        return Line(check, "ok", version)
    days = (parsedate_to_datetime(_as_date(until)).timestamp() - time.time()) / _DAY_S
    if days < _SOON_DAYS:
        return line_of(CERTIFICATE["tls-expires-soon"], check, f"{version}, valid for {days:.0f} days, until {until}")
    return Line(check, "ok", f"{version}, valid for {days:.0f} days")


def _as_date(text: str) -> str:
    """`Nov 23 15:00:00 2026 GMT` of a certificate as the date of a mail."""
    month, day, clock, year, *_ = text.split()
    return f"{day} {month} {year} {clock} +0000"


def _handshake(reason: str) -> str:
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}:
        return "tls-plain"
    if "UNSUPPORTED_PROTOCOL" in reason or "PROTOCOL_VERSION" in reason:
        return "tls-old"
    return "tls-handshake"


def _words(reason: str) -> str:
    return reason.lower().replace("_", " ") or "the handshake failed"


async def _unknown_issuer(place: Place, connect_s: float, code: int) -> str:
    """Why an issuer is not known: the server did not send it, or nobody trusts it."""
    sent = await _certificates_sent(place, connect_s) if code in _UNKNOWN_ISSUER - {19} else 0
    return "tls-incomplete-chain" if sent == 1 else "tls-unknown-authority"


async def _certificates_sent(place: Place, connect_s: float) -> int:
    """How many certificates the server sends, 0 where this Python cannot tell. Nothing is sent to that server."""
    look = ssl.create_default_context()
    look.check_hostname, look.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(connect_s):
            _, writer = await asyncio.open_connection(place.host, place.port, ssl=look, server_hostname=place.host)
    except (OSError, TimeoutError):
        return 0
    spoken = writer.get_extra_info("ssl_object")
    # Public since Python 3.13; before that on the inner object.
    chain = getattr(spoken, "get_unverified_chain", None) or getattr(
        getattr(spoken, "_sslobj", None), "get_unverified_chain", None
    )
    writer.transport.abort()
    return len(chain() or ()) if chain is not None else 0
