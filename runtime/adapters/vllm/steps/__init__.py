"""Steps of constrained rows. Nothing of vLLM is in here; tests run it without."""
