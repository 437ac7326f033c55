"""agentfast inside vLLM: exact grammars for its block-diffusion models."""
