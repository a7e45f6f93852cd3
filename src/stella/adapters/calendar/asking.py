"""One HTTP request to a calendar: bounded, without redirects, its failures in our words."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import aiohttp
from yarl import URL

from stella.ports.failure import Malformed, Rejected, Unavailable

DEADLINE_S = 6.0


async def ask(
    session: aiohttp.ClientSession, method: str, url: str, *, login: tuple[str, str] | None, bytes_most: int,
    body: bytes | None = None, headers: Mapping[str, str] | None = None, fine: frozenset[int] = frozenset(),
) -> tuple[int, str, Mapping[str, str]]:  # fmt: skip
    """Status, text and headers of an answer of 2xx or one of `fine`.

    Raises ProviderError: `no-answer` where a change may have been made all the same.
    """
    if not url.startswith(("https://", "http://")):
        raise Unavailable("calendar", "unreachable")
    given = {"user-agent": "STELLA", **(headers or {})}
    if login is not None:
        given["authorization"] = "Basic " + b64encode(":".join(login).encode()).decode()
    try:
        async with session.request(
            method, URL(url, encoded=True), data=body, headers=given, allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=DEADLINE_S),
        ) as answer:  # fmt: skip
            status = answer.status
            if status in (401, 403) and status not in fine:
                raise Rejected("calendar", f"http-{status}")
            if not 200 <= status < 300 and status not in fine:
                known = status < 500 or status == 503
                raise (
                    Rejected("calendar", f"http-{status}")
                    if status < 500
                    else Unavailable("calendar", f"http-{status}" if known else "no-answer")
                )
            raw = bytearray()
            async for piece in answer.content.iter_any():
                raw += piece
                if len(raw) > bytes_most:
                    answer.close()
                    raise Malformed("calendar", "answer-size")
            return status, raw.decode("utf-8", "replace"), dict(answer.headers)
    except TimeoutError:
        raise Unavailable("calendar", "timeout") from None
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL):
        # An address that may not be connected to ends here as well.
        raise Unavailable("calendar", "unreachable") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise Unavailable("calendar", "no-answer") from None
