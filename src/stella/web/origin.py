"""Who is asking: the peer of the connection, and what its headers say about where the request came from.

A tunnel or a proxy on the same machine connects from loopback too; a forwarding header gives it away.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, in the order received, repeated ones repeated."""

_FORWARDING = (
    b"x-forwarded", b"x-original-", b"x-rewrite-", b"x-envoy", b"x-amz", b"x-cluster-", b"x-vercel-", b"x-azure-",
    b"cf-", b"cdn-", b"fly-", b"ngrok", b"x-ngrok", b"x-tunnel", b"x-localtunnel",
)  # fmt: skip
_FORWARDING_NAMES = frozenset(
    {b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"client-ip", b"x-host"}
)
_LOCAL_HOST = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE)


def header(headers: Headers, name: bytes) -> bytes | None:
    """The only value of a header; None where it is missing or repeated (a repeated one proves nothing)."""
    values = [value for key, value in headers if key == name]
    return values[0] if len(values) == 1 else None


def is_loopback(address: str) -> bool:
    """Whether a peer address is this machine (IPv4, IPv6, IPv4 in IPv6)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def is_forwarded(headers: Headers) -> bool:
    """Whether anything says that a proxy or a tunnel stood in between."""
    return any(name in _FORWARDING_NAMES or name.startswith(_FORWARDING) for name, _ in headers)


def is_direct_local(headers: Headers, peer: str) -> bool:
    """Whether the request comes from this machine with nothing in between and asks for this machine by a local name."""
    host = header(headers, b"host")
    return is_loopback(peer) and not is_forwarded(headers) and host is not None and bool(_LOCAL_HOST.fullmatch(host))


def is_own_origin(headers: Headers) -> bool:
    """Whether the Origin is absent or the very host asked."""
    origins = [value for name, value in headers if name == b"origin"]
    host = header(headers, b"host") or b""
    return all(origin in {b"http://" + host, b"https://" + host} for origin in origins)


def is_development_peer(headers: Headers, peer: str) -> bool:
    """PRODUCT §2, *Without TWILIO_AUTH_TOKEN*: all four conditions at once."""
    return is_direct_local(headers, peer) and is_own_origin(headers)


def client_address(headers: Headers, peer: str, trusted: Iterable[str]) -> str:
    """The address to hold to account: the peer, or behind trusted proxies the last address that none of them has."""
    proxies = frozenset(trusted)
    if peer not in proxies:
        return peer
    hops = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1").split(",")
    for hop in reversed([entry.strip() for entry in hops if entry.strip()]):
        try:
            address = str(ipaddress.ip_address(hop))
        except ValueError:
            return peer
        if address not in proxies:
            return address
    return peer
