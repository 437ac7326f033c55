"""`agentfast warm`: compile all kernels now, for container images, CI and impatient users."""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

from agentfast.cli.exits import Exit
from agentfast.runtime.jit import cold_start
from agentfast.runtime.jit.kernel_folder import kernel_folder


def warm_command(options: argparse.Namespace) -> Exit:
    """Compile what is not compiled, with a process beside this one, and give a first answer."""
    began = perf_counter()
    folder = kernel_folder()
    if not folder.kept:
        print("agentfast: there is no folder to keep compiled kernels in", file=sys.stderr)
        return Exit.FAILED
    cold_start.begin()
    from agentfast.runtime.engine.warm_up import main, warm_up_grammars

    if not cold_start.kernels_ready():
        warm_up_grammars()  # meanwhile the process beside compiles the rest
    if not cold_start.wait_until_ready():
        main()
    _answer()
    print(f"kernels are compiled, in {perf_counter() - began:.0f} s, and lie in {folder.path}")
    return Exit.OK


def _answer() -> None:
    """One answer of each embedded model, which finds everything compiled."""
    from agentfast import Agent, nano

    for decoder in ("diffusion", "autoregressive"):
        Agent(nano.load(decoder), instructions="You run the order desk.").run_sync("Hello")
