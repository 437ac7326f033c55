"""Histories: the conversations that a run goes on with."""
