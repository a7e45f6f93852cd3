"""Tools that are somebody's HTTP interface, as an agent file describes them."""

from stella.adapters.http_tool.connection import ToolSessions
from stella.adapters.http_tool.tool import HttpTool, is_forbidden

__all__ = ["HttpTool", "ToolSessions", "is_forbidden"]
