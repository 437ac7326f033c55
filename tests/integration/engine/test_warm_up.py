"""The warm-up leaves an engine no kernel of its own to compile."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own, since the tests before have compiled everything. A kernel that was found on disk does not know
# those that it calls, so there are some 27.
PROGRAM = """
import sys

from agentfast import Agent, nano
from agentfast.runtime.engine.warm_up import main


def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith("agentfast.runtime.")]
    kernels = {value for module in modules for value in vars(module).values() if hasattr(value, "signatures")}
    return {
        (kernel.__module__, kernel.__name__, signature) for kernel in kernels for signature in kernel.signatures
    }


def add(a: int, b: int) -> int:
    "Add two numbers."
    return a + b


def of_the_engine(kernels):
    of_grammars = ("agentfast.runtime.grammar.", "agentfast.runtime.jit.arrays")
    return {kernel for kernel in kernels if not kernel[0].startswith(of_grammars)}


main()
before = compiled()
Agent(nano.load(), tools=[add]).run_sync("Add 2 and 3.")
print(len(of_the_engine(before)) > 20, sorted(name for _, name, _ in of_the_engine(compiled() - before)))
"""


def test_an_agent_needs_no_kernel_of_the_engine_that_was_not_warmed_up() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "True []\n"
