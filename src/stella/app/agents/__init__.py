"""The agents of this installation: built-in ones, and the files a person wrote."""

from stella.app.agents.load import BUILT_IN, load_agent
from stella.app.agents.shelf import AgentShelf

__all__ = ["BUILT_IN", "AgentShelf", "load_agent"]
