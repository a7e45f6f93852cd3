"""Smart-turn v3.2 (BSD-2): does what was said so far sound finished? A hint at a pause, in one thread of this process."""

from stella.adapters.smart_turn.hints import TurnHints

__all__ = ["TurnHints"]
