"""The task replay at a published speed: the model is a clock, everything else is real."""
