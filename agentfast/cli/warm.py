"""`agentfast warm`: compile all kernels now, for container images and CI. Imports nothing heavy before it runs."""

from __future__ import annotations

import argparse
from time import perf_counter

from agentfast.cli.arguments import AddParser
from agentfast.cli.process.exits import Exit
from agentfast.errors import ConfigError
from agentfast.runtime.jit import cold_start
from agentfast.runtime.jit.kernel_folder import kernel_folder


def add_warm(add: AddParser) -> argparse.ArgumentParser:
    """The parser of the command."""
    return add(
        "warm",
        help="compile all kernels now, for container images and CI",
        description="Compile all kernels for this processor and keep them, so that later starts find them: in "
        "$NUMBA_CACHE_DIR/agentfast, else in $AGENTFAST_CACHE/kernels, else in the user's cache folder. Takes about a minute; "
        "where they are compiled already, a few seconds.",
    )


def check_warm(_: argparse.Namespace) -> None:
    """Check that there is a folder to keep kernels in.

    Raises:
        ConfigError: it cannot be written.
    """
    folder = kernel_folder()
    if not folder.kept:
        raise ConfigError(
            f"{folder.refused or 'the home folder'} cannot be written, so no kernel would be kept",
            hint="set AGENTFAST_CACHE to a folder that can",
        )


def warm_command(_: argparse.Namespace) -> Exit:
    """Compile what is not compiled, with a process beside this one, and give an answer of each embedded model."""
    began = perf_counter()
    cold_start.begin()
    from agentfast.runtime.engine.warm_up import compile_grammar, main

    if not cold_start.kernels_ready():
        compile_grammar()  # meanwhile the process beside compiles the rest
    if not cold_start.wait_until_ready():
        main()
    _answer()
    print(f"kernels are compiled, in {perf_counter() - began:.0f} s, and lie in {kernel_folder().path}")
    return Exit.OK


def _answer() -> None:
    from agentfast import Agent, nano

    for decoder in ("diffusion", "autoregressive"):
        Agent(nano.load(decoder), instructions="You run the order desk.").run_sync("Hello")
