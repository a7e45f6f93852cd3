"""The built-in receptionist: answers a telephone in German and English without any model."""

from stella.adapters.receptionist.brain import Receptionist
from stella.adapters.receptionist.hours import Opening
from stella.adapters.receptionist.knowledge import Knowledge
from stella.adapters.receptionist.when import day_meant
from stella.adapters.receptionist.words import fold

__all__ = ["Knowledge", "Opening", "Receptionist", "day_meant", "fold"]
