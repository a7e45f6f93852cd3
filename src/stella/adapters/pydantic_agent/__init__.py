"""An agent of Pydantic AI as a brain (extra `agents`)."""

from stella.adapters.pydantic_agent.answer import answering, is_agent

__all__ = ["answering", "is_agent"]
