"""The `agentfast schema` command: the cost of a JSON Schema's grammar, or the reason of its refusal."""
