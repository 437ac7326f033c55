"""The name of a user's agent: MODULE:NAME, where MODULE may be a file's path. Imports nothing of it, and nothing heavy."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from agentfast.errors import ConfigError

_HINT = "e.g. --agent my_module:agent, or the path of a Python file in place of the module"


@dataclass(frozen=True, slots=True)
class AgentName:
    """A module, by its name or its file, and a name in it; "" where none was given."""

    module: str
    name: str

    @property
    def file(self) -> Path | None:
        """The module's file, if it was given by one."""
        return Path(self.module) if self.module.endswith(".py") else None


def split_agent_name(text: str) -> AgentName:
    """The parts of MODULE:NAME."""
    module, colon, name = text.rpartition(":")
    return AgentName(module, name) if colon else AgentName(text, "")


def check_agent_name(text: str, option: str = "--agent") -> None:
    """Check that the module is there, as far as that shows without importing it; the working folder's count.

    Args:
        text: MODULE:NAME.
        option: the command line's, for messages; "" if it is an argument without one.

    Raises:
        ConfigError: the name has another form, or there is no such module or file.
    """
    agent = split_agent_name(text)
    given = f"{option} {text}".strip()
    hint = _HINT.replace("--agent", option).replace("  ", " ")
    look_here()
    if agent.file is not None:
        if not agent.file.is_file():
            raise ConfigError(f"{given}: there is no file {agent.module}", hint=hint)
        return
    parts = agent.module.split(".")
    if not all(part.isidentifier() for part in parts) or (agent.name and not agent.name.isidentifier()):
        raise ConfigError(f"{given}: it has to be MODULE:NAME", hint=hint)
    if find_spec(parts[0]) is None:
        raise ConfigError(
            f"{given}: there is no module {parts[0]!r}",
            hint=f"modules are looked for in {Path.cwd()} and where Python finds its packages",
        )


def look_here() -> None:
    """Let modules of the working folder be found, as `python -m` does."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
