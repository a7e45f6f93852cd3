"""The built-in receptionist: answers a telephone in German and English without any model."""

from stella.adapters.receptionist.brain import Receptionist
from stella.adapters.receptionist.hours import Opening
from stella.adapters.receptionist.knowledge import Knowledge

__all__ = ["Knowledge", "Opening", "Receptionist"]
