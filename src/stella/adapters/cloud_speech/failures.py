"""What a vendor's refusal means. Its sentences stay here: they may quote a key or what was said."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import msgspec

from stella.ports.failure import ProviderError, Rejected, Unavailable

COMPLAINT_MOST = 8_000
"""Bytes of an error's body that are read for its code."""

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_PASSING = frozenset({408, 409, 425, 429})


def failure(vendor: str, status: int, code: str = "", retry_after: float | None = None) -> ProviderError:
    """The error of an HTTP status and a vendor's own code."""
    low = code.lower()
    if status == 402 or any(word in low for word in ("quota", "credit", "billing", "insufficient", "payment")):
        return Rejected(vendor, "quota", code)
    if status in _PASSING or status >= 500:
        return Unavailable(vendor, f"http-{status}", code, retry_after)
    return Rejected(vendor, f"http-{status}" if status else code or "error", code)


def retry_after(headers: Any) -> float | None:
    """`Retry-After` in seconds (https://www.rfc-editor.org/rfc/rfc9110#field.retry-after), where it is a number."""
    wish = headers.get("retry-after", "") if headers else ""
    return float(wish) if wish.isdecimal() and len(wish) < 6 else None


def vendor_code(body: bytes) -> str:
    """The machine-readable code in an error's body: Deepgram `err_code`, ElevenLabs `detail.status`, Cartesia
    `error_code`, OpenAI `error.code`; empty where there is none."""
    try:
        told: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return ""
    if not isinstance(told, dict):
        return ""
    for inner in (told, told.get("detail"), told.get("error")):
        if isinstance(inner, dict):
            for key in ("err_code", "error_code", "status", "code", "type"):
                value = inner.get(key)
                if isinstance(value, str) and _WORD.fullmatch(value):
                    return value
    return ""


async def complaint(vendor: str, response: aiohttp.ClientResponse) -> ProviderError:
    """What an answer that is no sound means; the response is closed."""
    try:
        body = await response.content.read(COMPLAINT_MOST)
    except (aiohttp.ClientError, OSError):
        body = b""
    finally:
        response.close()
    return failure(vendor, response.status, vendor_code(body), retry_after(response.headers))


def unreachable(vendor: str, fault: Exception) -> ProviderError:
    """What a failed connection means."""
    if isinstance(fault, TimeoutError):
        return Unavailable(vendor, "timeout")
    if isinstance(fault, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)):
        return Rejected(vendor, "certificate")
    if isinstance(fault, aiohttp.WSServerHandshakeError):
        return failure(vendor, fault.status, retry_after=retry_after(fault.headers))
    return Unavailable(vendor, "unreachable", type(fault).__name__)


async def key_is_right(vendor: str, session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
    """Ask for a list that costs nothing. Raises ProviderError, Rejected for a wrong key."""
    try:
        async with (
            asyncio.timeout(5.0),
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise failure(vendor, response.status)
    except (aiohttp.ClientError, OSError, TimeoutError) as fault:
        raise Unavailable(vendor, "unreachable", type(fault).__name__) from None
