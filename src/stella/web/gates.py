"""The gate of everything that is neither the carrier's nor the website's: the operator's surface.

Until an operator token exists it is not there at all (404) beyond this machine; then it asks for the token.
"""

from __future__ import annotations

import hashlib
import hmac

from stella.web.answers import Scope
from stella.web.config import WebConfig
from stella.web.origin import is_direct_local


class Gate:
    """Decides by status: 200 come in, 401 show the token, 404 there is nothing here. A query string never opens it."""

    def __init__(self, config: WebConfig) -> None:
        self._token = _digest(config.operator_token.encode()) if config.operator_token else b""

    def judge(self, scope: Scope) -> int:
        """The status this request has earned."""
        headers = scope["headers"]
        client = scope.get("client")
        if not self._token:
            return 200 if is_direct_local(headers, client[0] if client else "") else 404
        shown = [value for name, value in headers if name == b"authorization"]
        if len(shown) != 1:
            return 401
        scheme, _, token = shown[0].partition(b" ")
        matches = hmac.compare_digest(_digest(token.strip()), self._token)
        return 200 if matches and scheme.lower() == b"bearer" else 401


def _digest(token: bytes) -> bytes:
    """Equal lengths, so that comparing tells nothing of the length either."""
    return hashlib.sha256(token).digest()
