"""Adapters: agentfast inside other engines."""
