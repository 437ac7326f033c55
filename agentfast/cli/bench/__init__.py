"""`agentfast bench`: diffusion against autoregressive agents on the same held-out tasks."""
