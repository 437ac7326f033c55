"""The DiffusionGemma architecture in plain torch, and the loader of its checkpoints."""
