"""The fused float32 forward pass for small models on a CPU."""
