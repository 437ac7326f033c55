"""Models made of models: fallback, a stronger one for doubtful turns, and routing."""
