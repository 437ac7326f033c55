"""Requests to vLLM: what they ask for, and its grammar."""
