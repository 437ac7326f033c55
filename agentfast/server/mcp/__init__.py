"""Tools and agents as an MCP server, over standard input and output or streamable HTTP."""
