"""Tools of Model Context Protocol servers, by the official SDK (extra `mcp`; nothing else imports this package).

Specification: https://modelcontextprotocol.io/specification
"""

from stella.adapters.mcp_tool.server import McpServer, McpServers

__all__ = ["McpServer", "McpServers"]
