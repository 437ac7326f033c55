"""Errors that end runs carry the conversation, can be shared by models, copied and pickled."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from typing import Any

import pytest

import agentfast.agent.errors
import agentfast.errors
from agentfast import (
    Agent,
    AgentFastError,
    AllModelsFailedError,
    BudgetTooSmallError,
    MapError,
    ModelError,
    OutputError,
    RetriesExhaustedError,
    ScriptedModel,
    UnsupportedSchemaError,
    UserMessage,
)
from tests.support.scripted_runs import add, call

SPECIAL: dict[type[AgentFastError], AgentFastError] = {
    UnsupportedSchemaError: UnsupportedSchemaError("if", "/a", "no", hint="h"),
    BudgetTooSmallError: BudgetTooSmallError(3, 2),
    OutputError: OutputError("no JSON", "four"),
    RetriesExhaustedError: RetriesExhaustedError("t", 3, "no"),
    AllModelsFailedError: AllModelsFailedError(["a"], [ModelError("x")]),
    MapError: MapError(1, "p", ModelError("x"), [None]),
}
CLASSES = [
    cls
    for module in (agentfast.errors, agentfast.agent.errors)
    for _, cls in inspect.getmembers(module, inspect.isclass)
    if issubclass(cls, AgentFastError) and cls.__module__ == module.__name__
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_copies_and_pickles(cls: Any) -> None:
    error: AgentFastError = SPECIAL[cls] if cls in SPECIAL else cls("what", hint="do")
    error.messages = (UserMessage("a"),)
    for again in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert type(again) is cls
        assert (str(again), again.message, again.hint) == (str(error), error.message, error.hint)
        assert again.messages == error.messages
        assert again.__dict__.keys() == error.__dict__.keys()


def test_an_error_that_ended_no_run_has_no_conversation() -> None:
    assert (ModelError("x").messages, ModelError("x").steps) == ((), ())


async def test_runs_that_end_in_one_error_of_a_shared_model_have_their_own_conversations() -> None:
    shared = ModelError("down")
    agent = Agent(ScriptedModel([call(1, 2), shared]), tools=[add])
    outcomes = await asyncio.gather(*(agent.run(f"{number}") for number in range(3)), return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, ModelError)
        assert str(outcome) == "down"
        assert outcome.messages[1] == UserMessage(f"{number}")
        assert len(outcome.steps) == 1
