"""The posterior of a canvas: logits and a constraint to best, sample, entropy and marginals."""
