"""The definition of an agent: its parts, its options, its instructions."""
