"""`agentfast demo`: dozens of agents over tasks of one shop, all at once on one engine."""
