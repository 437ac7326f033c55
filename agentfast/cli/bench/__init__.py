"""Diffusion against autoregressive agents on the same held-out tasks: what `agentfast bench` runs and reports."""
