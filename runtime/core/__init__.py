"""Plain data that every part of the runtime shares: requests, configuration, vocabulary, random numbers."""
