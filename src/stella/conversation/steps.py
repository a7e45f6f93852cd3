"""What a machine answers when it is asked for its next step.

A machine does the first thing that is due and answers DONE, or it does nothing and says when something will be due. One
question, asked in one place: what is due and what is waited for cannot part.
"""

from __future__ import annotations

import math

DONE = -math.inf
"""Something was due and has been done: earlier than any time."""
NEVER = math.inf
"""Nothing is due unless something happens: later than any time."""
