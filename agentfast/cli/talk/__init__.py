"""The `agentfast run` and `agentfast chat` commands: an agent at a desk of the shop, or an agent of the user's."""
