"""The KV cache: blocks with reference counts, shared between prompts of a common prefix."""
