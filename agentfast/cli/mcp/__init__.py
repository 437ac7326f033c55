"""The command that serves tools by MCP."""
