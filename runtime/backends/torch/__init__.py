"""The forward pass in torch operations, for any device and dtype."""
