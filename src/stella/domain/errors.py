"""What can go wrong, as a tree.

StellaError
├── ConfigError            a setting or an agent file is wrong; says where, why and the mend
│   └── AgentFileError     carries file, line and reason
├── MalformedMessage       bytes from outside that cannot be read (the one failure of every parser)
├── Refused                a request that is not let in; `cause` is a stable word for logs and metrics
└── ProviderError          how the outside may fail us (ports/failure.py)
"""


class StellaError(Exception):
    """The root of every error STELLA raises on purpose."""


class ConfigError(StellaError):
    """A setting is wrong. The text names the setting, the fault and the mend."""


class AgentFileError(ConfigError):
    """An agent file is wrong at a line. `line` counts from 1; 0 means the whole file."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        """Join the three into `file:line: reason`."""
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class MalformedMessage(StellaError):
    """Bytes from outside that do not follow their protocol.

    `kind` is a stable word for counting (`size`, `json`, `shape`, `payload` …), empty where nobody counts. The text
    never repeats what was received.
    """

    def __init__(self, text: str = "", kind: str = "") -> None:
        """Keep the kind beside the words."""
        super().__init__(text)
        self.kind = kind


class Refused(StellaError):
    """Somebody or something is not let in.

    `cause` is a stable word (`bad-signature`, `no-token`, `spent-token` …) for logs and metrics; `mend` tells the
    operator what to do. Neither ever holds a secret.
    """

    def __init__(self, cause: str, mend: str = "") -> None:
        """Keep cause and mend apart so that logs stay searchable."""
        super().__init__(f"{cause}: {mend}" if mend else cause)
        self.cause, self.mend = cause, mend
