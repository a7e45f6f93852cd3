"""Which pages a model was given for an answer, as the record tells it: the same for every kind of model."""

from __future__ import annotations

from collections.abc import Sequence

from stella.domain.acts import UsedTool
from stella.domain.call import ToolUse
from stella.ports.brain import Acted
from stella.ports.company import Page

QUESTION_MOST = 200


def noted(question: str, pages: Sequence[Page]) -> Acted:
    """For behind the words that were made of these pages."""
    sources = ", ".join(page.source for page in pages)
    return Acted(UsedTool(ToolUse("knowledge_search", {"question": question[:QUESTION_MOST]}, sources)))
