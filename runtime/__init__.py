"""Tokens in, tokens out: grammars, decoders, the cache, the model and the engine. Knows nothing of agents or tools."""
