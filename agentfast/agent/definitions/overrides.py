"""Overrides: other parts for an agent inside a block of code, as tests need them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from agentfast.agent.definitions.definition import Definition

_overrides: ContextVar[Mapping[Definition[Any], Definition[Any]]] = ContextVar("agentfast_overrides")


def overridden(definition: Definition[Any]) -> Definition[Any]:
    """The parts that stand for these here: they themselves, outside of an override."""
    found = _overrides.get(None)
    return definition if found is None else found.get(definition, definition)


@contextmanager
def overriding(definition: Definition[Any], other: Definition[Any]) -> Generator[None]:
    """Let other parts stand for an agent's in this block, and in the tasks and threads that it starts."""
    token = _overrides.set({**_overrides.get({}), definition: other})
    try:
        yield
    finally:
        _overrides.reset(token)
