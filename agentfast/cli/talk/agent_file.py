"""A user's agent, imported from a module or a file by its name."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import Any, TypeGuard, TypeVar

from agentfast.agent.agent import Agent
from agentfast.cli.talk.agent_name import AgentName, look_here, split_agent_name
from agentfast.errors import AgentFastError, ConfigError
from agentfast.tools.checks import closest

T = TypeVar("T")


def load_agent(text: str) -> Agent[None, Any]:
    """The agent that MODULE:NAME names, or that the function of that name makes; MODULE may be a file's path.

    A module that fails has its traceback printed to standard error, without the lines of this command's.

    Raises:
        ConfigError: there is no such module or name, it is no agent, or the user's code failed.
    """
    where = split_agent_name(text)
    module = _module(where, f"--agent {text}")
    if not where.name or not hasattr(module, where.name):
        problem = f"{where.module} has no {where.name!r}" if where.name else "it names no agent"
        raise ConfigError(f"--agent {text}: {problem}", hint=_agents_of(module, where))
    found: object = getattr(module, where.name)
    made = ""
    if not _is_agent(found) and inspect.isroutine(found):
        function: Callable[[], object] = found
        if inspect.iscoroutinefunction(function):
            raise ConfigError(
                f"--agent {text}: {where.name} is an async function", hint="make the agent in a plain one"
            )
        found = _run(function, f"--agent {text}: {where.name}() failed")
        if inspect.iscoroutine(found):
            found.close()  # or Python warns that nobody awaited it
        made = "() made"
    if not _is_agent(found):
        raise ConfigError(
            f"--agent {text}: {where.name}{made or ' is'} an object of type {type(found).__name__}, not an Agent",
            hint=_agents_of(module, where),
        )
    return found


def load_named(text: str) -> object:
    """The object that MODULE:NAME names; MODULE may be a file's path. A module that fails has its traceback printed.

    Raises:
        ConfigError: there is no such module or name, or the user's code failed.
    """
    where = split_agent_name(text)
    module = _module(where, text)
    if not hasattr(module, where.name):
        there = [name for name in vars(module) if not name.startswith("_")]
        raise ConfigError(f"{text}: {where.module} has no {where.name!r}", hint=closest(where.name, there))
    return getattr(module, where.name)


def _module(where: AgentName, given: str) -> ModuleType:
    look_here()
    return _run(lambda: _import(where), f"{given}: {where.module} cannot be imported")


def _is_agent(value: object) -> TypeGuard[Agent[None, Any]]:
    return isinstance(value, Agent)


def _import(where: AgentName) -> ModuleType:
    if where.file is None:
        return importlib.import_module(where.module)
    path = where.file.resolve()
    sys.path.insert(0, str(path.parent))  # a file's neighbours are found, as when Python runs it
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _agents_of(module: ModuleType, where: AgentName) -> str:
    """The agents that the module has."""
    names = [f"{where.module}:{name}" for name, value in vars(module).items() if _is_agent(value)]
    return f"it has {', '.join(names)}" if names else "it has no agents at its top level"


def _run(code: Callable[[], T], problem: str) -> T:
    """Run code of the user's.

    Raises:
        ConfigError: it failed; its traceback was printed.
    """
    try:
        return code()
    except (Exception, SystemExit) as error:  # a module that ends Python does not fit either
        if not isinstance(error, AgentFastError):
            shown = traceback.format_exception(type(error), error, _users_part(error.__traceback__))
            print("".join(shown), end="", file=sys.stderr)
        raise ConfigError(f"{problem}: {type(error).__name__}: {error}") from error


def _users_part(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the first line on that is neither this file's nor the import system's."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file != __file__ and "importlib" not in file:
            return trace
        trace = trace.tb_next
    return None
