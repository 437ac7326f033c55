"""`python -m agentfast` is the `agentfast` command."""

from agentfast.cli.main import entry

entry()
