"""Servers for the tools and models of agentfast."""
