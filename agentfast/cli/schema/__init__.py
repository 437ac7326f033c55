"""The `agentfast schema` command: what a JSON Schema costs and how it is read."""
