"""A switch that forbids calls of real models, for tests that must not reach one by mistake."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from agentfast.errors import ModelError

_forbidden: list[bool] = []


@contextmanager
def forbid_real_models() -> Generator[None]:
    """Forbid calls of servers and of local checkpoints in this process, in all its threads, until the block ends.

    ScriptedModel, ReplayModel and models of your own answer as before.
    """
    _forbidden.append(True)
    try:
        yield
    finally:
        _forbidden.pop()


def check_real_models_allowed(name: str) -> None:
    """Refuse a call of a real model where tests forbid it.

    Raises:
        ModelError: they do.
    """
    if _forbidden:
        raise ModelError(
            f"a test called the real model {name!r}, which is forbidden here",
            hint="with agent.override(model=ScriptedModel([...])): gives the agent another one",
        )
