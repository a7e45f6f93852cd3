"""Is this really Twilio? The official validator, wrapped so that it cannot raise and never meets a rebuilt URL.

Spec: https://www.twilio.com/docs/usage/security#validating-requests
`twilio.request_validator.RequestValidator.validate` raises without a header and for JSON without `bodySHA256`, loses
IPv6 hosts and an empty `?`; so URLs are spelled here and only its `compute_signature` is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]

from stella.domain.errors import ConfigError
from stella.wire.public_url import PublicUrl

Pairs = Iterable[tuple[str, str]]
Header = str | Sequence[str] | None

_SIGNATURE_LENGTH: Final = 28
_MAX_TARGET: Final = 16_384
_SHORTEST_TOKEN: Final = 8
# Compared in lower case and without the signs between the words.
_PLACEHOLDERS: Final = frozenset(
    (
        *("changeme", "changeit", "placeholder", "undefined", "password", "example", "todotodo"),
        *("authtoken", "yourtoken", "yourauthtoken", "yourtwilioauthtoken", "twilioauthtoken"),
    )
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is Twilio's.

    `which_token` counts the configured tokens from 0 and `which_url` is the spelling that matched (-1 and empty where
    none did). `cause` is empty when `ok`, else a stable word: `no-signature`, `several-signatures`,
    `unreadable-signature`, `bad-target`, `bad-fields`, `no-body-hash`, `wrong-body-hash`, `wrong-signature`.
    """

    ok: bool
    which_token: int = -1
    which_url: str = ""
    cause: str = ""


class Fields(dict[str, list[str]]):
    """Form fields with every value of a repeated name, in the form the official validator asks for."""

    def __init__(self, pairs: Pairs) -> None:
        """Group by name."""
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name: str) -> list[str]:
        """All values of a name."""
        return self[name]


class Signatures:
    """Checks requests against one or more auth tokens and the one public URL.

    `target` is always the request target as received (`/path?query`), never taken apart and put together again. None
    of the checks raises.
    """

    def __init__(self, tokens: Sequence[str], public_url: str) -> None:
        """Raises ConfigError for no token, one that cannot be real, or a public URL that is none."""
        if not tokens:
            raise ConfigError(
                "TWILIO_AUTH_TOKEN is missing: copy the primary auth token of the account (Twilio console)"
            )
        for token in tokens:
            _demand_real(token)
        self.url = PublicUrl.read(public_url)
        self._validators = tuple(RequestValidator(token) for token in tokens)

    def check_form(self, target: str | bytes, pairs: Pairs, header: Header) -> Verdict:
        """A form post: URL and every field received, unknown and blank ones included."""
        return self._check(target, pairs, header)

    def check_get(self, target: str | bytes, header: Header) -> Verdict:
        """A GET: its fields are in the target already."""
        return self._check(target, (), header)

    def check_json(self, target: str | bytes, body: bytes, header: Header) -> Verdict:
        """A body that is no form: the target carries its SHA-256, once, and the URL alone is signed."""
        line = _line(target)
        if line is None:
            return Verdict(ok=False, cause="bad-target")
        try:
            query = parse_qsl(line.partition("?")[2], keep_blank_values=True, max_num_fields=1_000)
        except ValueError:
            return Verdict(ok=False, cause="bad-target")
        hashes = [value for name, value in query if name == "bodySHA256"]
        if len(hashes) != 1:
            return Verdict(ok=False, cause="no-body-hash")
        if not compare_digest(sha256(body).hexdigest().encode(), hashes[0].encode("utf-8", "replace")):
            return Verdict(ok=False, cause="wrong-body-hash")
        return self._check(line, (), header)

    def check_upgrade(self, target: str | bytes, header: Header) -> Verdict:
        """A WebSocket handshake: the socket's URL, then with `/` behind it, then in the spelling of https."""
        signature, cause = _signature(header)
        line = _line(target)
        if signature is None or line is None:
            return Verdict(ok=False, cause=cause or "bad-target")
        return self._compare(self.url.upgrade_spellings(line), Fields(()), signature)

    def matches(self, urls: Iterable[str], fields: Fields, signature: str) -> Verdict:
        """Which of the spellings, with which token, gives this signature. For `diagnose`; a door asks the checks."""
        return self._compare(urls, fields, signature)

    def _check(self, target: str | bytes, pairs: Pairs, header: Header) -> Verdict:
        signature, cause = _signature(header)
        line = _line(target)
        if signature is None or line is None:
            return Verdict(ok=False, cause=cause or "bad-target")
        return self._compare(self.url.spellings(line), Fields(pairs), signature)

    def _compare(self, urls: Iterable[str], fields: Fields, signature: str) -> Verdict:
        given = signature.encode("ascii")
        try:
            for url in urls:
                for index, validator in enumerate(self._validators):
                    if compare_digest(validator.compute_signature(url, fields).encode("ascii"), given):
                        return Verdict(ok=True, which_token=index, which_url=url)
        except UnicodeEncodeError:
            # A lone surrogate in a field: no form Twilio sent decodes to one.
            return Verdict(ok=False, cause="bad-fields")
        return Verdict(ok=False, cause="wrong-signature")


def sign_form(token: str, url: str, pairs: Pairs = ()) -> str:
    """The signature Twilio would put on a form post to this full URL, or on a GET of it. For the telephone."""
    signature: str = RequestValidator(token).compute_signature(url, Fields(pairs))
    return signature


def sign_upgrade(token: str, url: str) -> str:
    """The signature Twilio would put on the handshake of this `wss://` URL: without its query. For the telephone."""
    return sign_form(token, url.partition("?")[0])


def sign_json(token: str, url: str, body: bytes) -> tuple[str, str]:
    """The URL with `bodySHA256` in it and the signature over that URL."""
    signed = f"{url}{'&' if '?' in url else '?'}bodySHA256={sha256(body).hexdigest()}"
    return signed, sign_form(token, signed)


def _demand_real(token: str) -> None:
    """Raise ConfigError for a token that is empty, a placeholder or guessable. Never repeats it."""
    mend = "copy the primary auth token of the account (32 letters and digits) from the Twilio console"
    if not token.strip():
        raise ConfigError(f"TWILIO_AUTH_TOKEN is empty: {mend}")
    if re.sub("[-_ ]", "", token.strip().lower()) in _PLACEHOLDERS or token[0] in "<${[" or len(set(token)) == 1:
        raise ConfigError(f"TWILIO_AUTH_TOKEN is a placeholder: {mend}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"TWILIO_AUTH_TOKEN has a blank or a sign in it that no token has: {mend}")
    if len(token) < _SHORTEST_TOKEN:
        raise ConfigError(
            f"TWILIO_AUTH_TOKEN is shorter than {_SHORTEST_TOKEN} characters and could be guessed: {mend}"
        )


def _signature(header: Header) -> tuple[str | None, str]:
    """The one value of the header, or None and why not."""
    values = [header] if isinstance(header, str) else list(header or ())
    if not values or values == [""]:
        return None, "no-signature"
    if len(values) > 1 or "," in values[0]:
        return None, "several-signatures"
    if not values[0].isascii() or len(values[0]) != _SIGNATURE_LENGTH:
        return None, "unreadable-signature"
    return values[0], ""


def _line(target: str | bytes) -> str | None:
    """The request target as text, or None where it is none that Twilio sends."""
    try:
        line = target.decode("ascii") if isinstance(target, bytes) else target
    except UnicodeDecodeError:
        return None
    return line if line.startswith("/") and line.isascii() and len(line) <= _MAX_TARGET else None
