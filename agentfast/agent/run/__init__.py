"""A run: its loop, its turns and its state, which can be saved."""
