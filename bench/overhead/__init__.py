"""The cost of the agent loop around the model, beside other agent frameworks."""
