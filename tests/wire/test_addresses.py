"""Which addresses are anybody's business: the public ones, and with leave one's own."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stella.wire.addresses import why_not_connect


@pytest.mark.parametrize("text", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "2002:808:808::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(text: str) -> None:
    """Otherwise nothing would work."""
    assert why_not_connect(text) == ""


@pytest.mark.parametrize("text", ["10.0.0.1", "192.168.1.1", "127.0.0.1", "::1", "fd12::1", "::ffff:10.0.0.1"])
def test_ones_own_network_needs_leave(text: str) -> None:
    """An operator's own systems, when the agent file says so."""
    assert why_not_connect(text)
    assert why_not_connect(text, inside=True) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.000.000.001",
        "169.254.169.254",
        "fe80::1",
        "::",
        "2001::1",
    ],
)
def test_the_rest_is_never_connected_to(text: str) -> None:
    """Names and odd spellings are no addresses here; link-local is where clouds keep keys."""
    assert why_not_connect(text, inside=True)


@given(some.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_judged_the_same_in_every_dress(number: int) -> None:
    """Mapped, translated and tunnelled."""
    plain = IPv4Address(number)
    dresses = [0xFFFF << 32 | number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80]
    for dress in dresses:
        assert bool(why_not_connect(str(ip_address(dress)))) == bool(why_not_connect(str(plain)))


@given(some.integers(0, 2**128 - 1).map(lambda number: str(ip_address(number))))
def test_what_is_not_public_is_refused(text: str) -> None:
    """At least as strict as the registries the standard library knows."""
    if not ip_address(text).is_global:
        assert why_not_connect(text)
