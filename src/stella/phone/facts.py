"""What one real call has shown about Twilio where no document says it: the telephone can be set to behave so."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from stella.domain.errors import ConfigError
from stella.phone.context import AfterFailedHandshake, Habits

FILE = "twilio-facts.json"
"""Its name in the data folder."""


@dataclass(slots=True)
class TwilioFacts:
    """One recording by `stella doctor --live`. What the call did not show is empty.

    `signed_as` is the spelling of the handshake's URL with HOST for the host; `marks_after_clear` the echoes in the order
    in which they came, with milliseconds after the `clear` was sent (below zero: before it); `jitter_ms` how far the gaps
    between frames are from their length; `after_loss` and `after_failed_handshake` where Twilio goes then.
    """

    recorded_at: str = ""
    signed_as: str = ""
    frame_bytes: list[int] = field(default_factory=list)
    jitter_ms: dict[str, float] = field(default_factory=dict)
    marks_after_clear: list[tuple[str, float]] = field(default_factory=list)
    after_loss: str = ""
    after_failed_handshake: str = ""

    def write(self, path: Path) -> None:
        """Keep it. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n", "utf-8")


def recorded_habits(path: Path) -> dict[str, Any]:
    """The arguments of Habits that a recording has proved; none without a recording. Raises ConfigError for a bad file."""
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); delete it, or record anew: stella doctor --live") from None
    proved = {name: facts.get(name) for name in ("after_loss", "after_failed_handshake")}
    return {name: word for name, word in proved.items() if word in get_args(AfterFailedHandshake)}


def habits_of(path: Path, **more: Any) -> Habits:
    """A telephone's habits as recorded, `more` on top. Raises ConfigError for a bad file."""
    return Habits(**{**recorded_habits(path), **more})
