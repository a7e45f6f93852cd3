"""What all connections of the process share: the patrol, the crowd at the door, the way to the media socket."""

from __future__ import annotations

from collections import Counter

from stella.web.config import WebConfig
from stella.web.media_door import Handover, MediaDoor
from stella.web.origin import Headers
from stella.web.patrol import Patrol
from stella.web.refusals import Refusals


class Doorway:
    """Counts connections in all and per address; trusted proxies are exempt from the count per address."""

    def __init__(self, config: WebConfig, patrol: Patrol, media: MediaDoor, refusals: Refusals) -> None:
        self.config, self.patrol = config, patrol
        self._media, self._refusals = media, refusals
        self._crowd: Counter[str] = Counter()
        self._total = 0

    def admit(self, peer: str) -> bool:
        """Whether one more connection from there may stay. Every True is followed by one `leave`."""
        caps = self.config.caps
        crowded = peer not in self.config.trusted_proxies and self._crowd[peer] >= caps.connections_per_address
        if self._total >= caps.connections or crowded:
            return False
        self._total += 1
        self._crowd[peer] += 1
        return True

    def leave(self, peer: str) -> None:
        """One connection less."""
        self._total -= 1
        self._crowd[peer] -= 1
        if not self._crowd[peer]:
            del self._crowd[peer]

    def refused(self, cause: str) -> None:
        """Count a refusal that needs no line in the log."""
        self._refusals.count(cause)

    def upgrade(self, target: bytes, headers: Headers, peer: str, version: str) -> Handover | tuple[int, str]:
        """Where a WebSocket handshake leads: a media socket, or a status and words."""
        return self._media.upgrade(target, headers, peer, version)
