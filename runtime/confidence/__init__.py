"""The probabilities of a completion's fields."""
