"""Which addresses of the network may be connected to on behalf of somebody who is not trusted (FAULTS D01).

Registries: https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_NEVER: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32",
        "::/128", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "fe80::/10", "fec0::/10", "ff00::/8",
        "fd00:ec2::/32", "fd20:ce::/32",
    )
)  # fmt: skip
"""Nobody's, everybody's, or where clouds keep a machine's credentials: not even inside one's own network."""

_INSIDE: Final = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)

_WRAPPED: Final = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), 0),
    (IPv6Network("2002::/16"), 80),
)
"""IPv6 that means an IPv4 address, and how many bits stand behind it."""

_TEREDO: Final = IPv6Network("2001::/32")


def why_not_connect(text: str, *, inside: bool = False) -> str:
    """Why this address must not be connected to, or nothing. `inside` allows one's own network and this machine."""
    try:
        address = ip_address(text)
    except ValueError:
        return "not an address"
    return _fault(address, inside=inside)


def _fault(address: IPv4Address | IPv6Address, *, inside: bool) -> str:
    if isinstance(address, IPv6Address):
        if address in _TEREDO:
            return "a tunnel"
        if int(address) > 1:
            for network, shift in _WRAPPED:
                if address in network:
                    return _fault(IPv4Address(int(address) >> shift & 0xFFFFFFFF), inside=inside)
    if any(address in network for network in _NEVER if network.version == address.version):
        return "a special address"
    if any(address in network for network in _INSIDE if network.version == address.version):
        return "" if inside else "an address inside"
    return "" if address.is_global else "a special address"
