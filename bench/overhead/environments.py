"""The environments of the other frameworks: one each, so that none gets another's versions of what they share."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_QUIET = {
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "ENABLE_INSTRUMENTATION": "false",
}


@dataclass(frozen=True)
class Contestant:
    """A framework.

    Attributes:
        package: its name on PyPI.
        driver: module whose `agent_of` makes its agent.
        imports: what a user of it imports.
    """

    package: str
    driver: str
    imports: str


OURS = Contestant("agentfast", "bench.overhead.ours", "agentfast")
PEERS = (
    Contestant("pydantic-ai-slim", "bench.overhead.peers.pydantic_ai", "pydantic_ai"),
    Contestant("openai-agents", "bench.overhead.peers.openai_agents", "agents"),
    Contestant("langgraph", "bench.overhead.peers.langgraph", "langgraph.prebuilt"),
    Contestant("agent-framework-core", "bench.overhead.peers.agent_framework", "agent_framework"),
)


def default_folder() -> Path:
    """Where the environments lie if nobody says: in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "agentfast" / "overhead"


def interpreter(folder: Path, package: str) -> Path:
    """The Python of a package's environment."""
    return folder / package / "bin" / "python"


def installed(folder: Path) -> tuple[Contestant, ...]:
    """The frameworks that have an environment in the folder."""
    return tuple(peer for peer in PEERS if interpreter(folder, peer.package).exists())


def set_up(folder: Path) -> None:
    """Make the environments that are missing, and install the newest version of each framework from PyPI.

    Raises:
        CalledProcessError: an environment could not be made; pip has said why.
    """
    for peer in PEERS:
        python = interpreter(folder, peer.package)
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / peer.package)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--upgrade", peer.package], check=True
        )


def output_of(python: Path, *arguments: str) -> str:
    """The last line that a Python prints, started afresh beside this repository, with tracing off.

    Raises:
        RuntimeError: it failed; the message ends with what it said.
    """
    environment = {**os.environ, **_QUIET, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [str(python), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(f"{python} {' '.join(arguments)} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip().splitlines()[-1]


def version_of(python: Path, package: str) -> str:
    """The version of a package in an environment."""
    return output_of(python, "-c", f"from importlib.metadata import version; print(version({package!r}))")
