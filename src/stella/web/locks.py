"""The two locked doors: is a webhook, is a handshake truly from the carrier? Nothing here reads a Host or a forwarded URL.

Without any auth token (development only) the lock is PRODUCT §2's rule: this machine, directly, by a local name.
"""

from __future__ import annotations

from stella.domain.errors import Refused
from stella.web.config import WebConfig
from stella.web.origin import Headers, header, is_development_peer
from stella.web.refusals import Puzzle
from stella.wire.signature import Signatures
from stella.wire.signature_diagnosis import diagnose

Pairs = tuple[tuple[str, str], ...]

_MEND = {
    "no-signature": "requests must be signed by Twilio (X-Twilio-Signature); try `stella verify` or `stella call`, "
    "which sign, and let a proxy pass the header on",
    "several-signatures": "the X-Twilio-Signature header must come once; a proxy in between repeats it",
    "unreadable-signature": "X-Twilio-Signature must be 28 characters of base64; a proxy in between changes it",
    "bad-target": "the address is none that Twilio asks for",
    "bad-fields": "the body's fields are none that Twilio sends",
    "wrong-signature": "the signature was made with another token or over another URL: TWILIO_AUTH_TOKEN must be the "
    "primary auth token of the account that owns the number, and STELLA_PUBLIC_URL the address in the Twilio "
    "console, letter by letter; `stella doctor` compares them",
}
_FOREIGN = (
    "the fields name another account than TWILIO_ACCOUNT_SID: the number belongs to another account or sub-account, whose "
    "own auth token signs; set that account and its token. Otherwise the request is not from Twilio"
)
_LOCAL_ONLY = (
    "TWILIO_AUTH_TOKEN is not set, so only this machine may call: directly (no tunnel or proxy) and as localhost, "
    "127.0.0.1 or [::1]; set the token for everything else"
)


class Locks:
    """Judges requests by the configured tokens and public URL; raises Refused with the cause and its mend."""

    def __init__(self, config: WebConfig, public_url: str) -> None:
        self._account_sid = config.account_sid
        self._development = config.development
        self._signatures = Signatures(config.auth_tokens, public_url) if config.auth_tokens else None

    def before_body(self, headers: Headers, peer: str) -> None:
        """What can be refused without reading a byte of the body: no signature, or not this machine."""
        if self._signatures is None:
            self._demand_local(headers, peer)
        elif not _signature(headers):
            raise Refused("no-signature", _MEND["no-signature"])

    def webhook(self, target: bytes, fields: Pairs, headers: Headers, peer: str) -> None:
        """Let in only a form from the carrier that is about our account."""
        if self._signatures is None:
            self._demand_local(headers, peer)
            return
        verdict = self._signatures.check_form(target, fields, _signature(headers))
        if not verdict.ok:
            raise self._puzzle(verdict.cause, target, fields, headers, upgrade=False)
        if self._foreign(fields):
            raise Refused(
                "foreign-account", "AccountSid is not TWILIO_ACCOUNT_SID; this number belongs to another account"
            )

    def handshake(self, target: bytes, headers: Headers, peer: str) -> None:
        """Let in only a WebSocket upgrade from the carrier."""
        if self._signatures is None:
            self._demand_local(headers, peer)
            return
        verdict = self._signatures.check_upgrade(target, _signature(headers))
        if not verdict.ok:
            raise self._puzzle(verdict.cause, target, (), headers, upgrade=True)

    def _puzzle(self, cause: str, target: bytes, fields: Pairs, headers: Headers, *, upgrade: bool) -> Puzzle:
        """A refusal that can tell the operator which mistake explains the signature."""

        def explain() -> str:
            if self._signatures is None:
                return ""
            if cause == "wrong-signature" and not upgrade and self._foreign(fields):
                return _FOREIGN
            shown, line = "".join(_signature(headers)[:1]), target.decode("latin-1")
            host = (header(headers, b"host") or b"").decode("latin-1")
            return diagnose(self._signatures, cause, line, fields, shown, host=host, upgrade=upgrade)

        return Puzzle(cause, _MEND.get(cause, ""), explain)

    def _foreign(self, fields: Pairs) -> bool:
        """Whether the fields name another account than ours, or none; without a configured account nobody's are."""
        named = {value for name, value in fields if name == "AccountSid"}
        return bool(self._account_sid) and named != {self._account_sid}

    def _demand_local(self, headers: Headers, peer: str) -> None:
        if not self._development or not is_development_peer(headers, peer):
            raise Refused("no-token-configured", _LOCAL_ONLY)


def _signature(headers: Headers) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == b"x-twilio-signature"]
