"""Decoders: block diffusion and autoregressive, and the grammar posterior that both can use."""
