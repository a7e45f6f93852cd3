"""Where a dialogue stands: a small value that fits into 16 kB and survives a restart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields

TEXT_LIMIT = 500
"""Characters kept of anything a caller said."""

STATE_LIMIT = 16_000
"""Bytes of a written state."""

STEPS = frozenset({
    "idle", "offer-message", "offer-transfer", "whom", "name", "name-check", "number-offer", "number", "number-check", "concern",
    "summary", "change", "try-again",
})  # fmt: skip
"""`idle` waits for a wish; every other step waits for the answer to one question."""


@dataclass(slots=True)
class Memory:
    """The state of one dialogue. `for_` is whom a message is for; `agreed` whether the caller said yes to the
    summary; `last` what was said last, for "pardon?";
    `agents` how many turns of ours the transcript had when we answered."""

    language: str = "de"
    step: str = "idle"
    kind: str = "message"
    for_: str = ""
    name: str = ""
    name_sure: bool = False
    number: str = ""
    number_sure: bool = False
    concern: str = ""
    agreed: bool = False
    tries: int = 0
    misses: int = 0
    answers: int = 0
    messages: int = 0
    fixing: bool = False
    asked_human: bool = False
    last: list[str] = field(default_factory=list)
    agents: int = 0
    heard: str = ""

    def dump(self) -> bytes:
        """The state as JSON, at most STATE_LIMIT bytes."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")[
            :STATE_LIMIT
        ]

    @classmethod
    def load(cls, state: bytes, language: str) -> Memory:
        """Go on from a written state; anything that is not one begins anew in `language`."""
        fresh = cls(language=language)
        try:
            read = json.loads(state) if 0 < len(state) <= STATE_LIMIT else None
        except (ValueError, RecursionError):
            return fresh
        if not isinstance(read, dict) or set(read) != {spec.name for spec in fields(cls)}:
            return fresh
        if any(type(value) is not type(getattr(fresh, name)) for name, value in read.items()):
            return fresh
        texts = [read["for_"], read["name"], read["number"], read["concern"], read["heard"]]
        sane = (
            read["step"] in STEPS
            and read["language"] in ("de", "en")
            and read["kind"] in ("message", "call-back")
            and all(isinstance(item, str) and len(item) <= 1000 for item in (*read["last"], *texts))
            and len(read["last"]) <= 8
            and all(0 <= read[count] <= 1_000_000 for count in ("tries", "misses", "answers", "messages", "agents"))
        )
        return cls(**read) if sane else fresh

    def forget_message(self) -> None:
        """Done with this message: the next one starts with an empty page but the name and number confirmed before."""
        self.step, self.kind, self.for_, self.concern = "idle", "message", "", ""
        self.tries, self.fixing, self.agreed = 0, False, False
