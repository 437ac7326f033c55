"""Schemas, function definitions and random models that benchmarks run on."""
