"""How the outside may fail us.

ProviderError            code, provider; never carries a prompt, a transcript or a key
├── Unavailable          try again, or try the next provider
├── Rejected             trying again will not help (a key, a quota, a policy)
└── Malformed            the vendor said something we cannot read
"""

from stella.domain.errors import StellaError


class ProviderError(StellaError):
    """A provider failed. `code` is stable (`timeout`, `refused`, `http-503` …)."""

    def __init__(self, provider: str, code: str, detail: str = "") -> None:
        """Name who failed and how."""
        super().__init__(f"{provider}: {code}" + (f" ({detail})" if detail else ""))
        self.provider, self.code, self.detail = provider, code, detail


class Unavailable(ProviderError):
    """Try again or try the next provider. `retry_after` seconds where the provider said so."""

    def __init__(self, provider: str, code: str, detail: str = "", retry_after: float | None = None) -> None:
        """As ProviderError, with the provider's own wish for patience."""
        super().__init__(provider, code, detail)
        self.retry_after = retry_after


class Rejected(ProviderError):
    """Trying again will not help: a wrong key, a spent quota, a policy."""


class Malformed(ProviderError):
    """The vendor said something that cannot be read."""


def failure_of(provider: str, fault: BaseException) -> ProviderError:
    """A fault as whoever goes on for an engine knows it: what no port foresees (`broken`) costs a switch like the rest.

    Of that only the kind is kept: its text may hold what was said.
    """
    return fault if isinstance(fault, ProviderError) else Unavailable(provider, "broken", type(fault).__name__)
