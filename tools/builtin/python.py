"""Python in a process of its own, with limits."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.builtin import confinement
from agentfast.tools.checks import check_integer, check_number
from agentfast.tools.definition import FunctionTool, tool

_PROGRAM: Final = Path(confinement.__file__)
_FILE_BYTES: Final = 1 << 24  # of a file that the program writes


def python(
    *, time_limit_s: float = 10.0, max_memory_mb: int = 512, max_output_chars: int = 10_000
) -> FunctionTool[..., Any]:
    """Make a tool that runs Python programs, each in a fresh process and an empty folder that is deleted afterwards.

    The program has the standard library alone, no environment, no network, starts no other program or process, reads
    Python's and the system's libraries only, and writes to its folder only. This is done with Linux's resource limits,
    Landlock and seccomp. It keeps accidents and clumsy attacks in; against flaws of the kernel it is no protection.

    Args:
        time_limit_s: wall-clock seconds, and processor seconds.
        max_memory_mb: address space of the process, MiB.
        max_output_chars: of what it prints; the rest is cut off.

    Raises:
        ToolDefinitionError: this system cannot confine a process so.
        ConfigError: a limit is not a positive number.
    """
    check_number("time_limit_s", time_limit_s, above=0)
    check_integer("max_memory_mb", max_memory_mb, least=64)
    check_integer("max_output_chars", max_output_chars, least=1)
    if not confinement.is_supported():
        raise ToolDefinitionError(
            "python() needs Linux 5.13 or later with Landlock, on x86-64 or ARM64",
            hint="run programs in a container or on a machine of their own, behind a tool that you write",
        )
    runner = _Runner(time_limit_s, max_memory_mb, max_output_chars)

    async def run_python(code: str) -> str:
        """Run a Python program and read what it prints.

        Args:
            code: The program. It has the standard library, no network and an empty folder; print what is to be read.
        """
        return await runner.run(code)

    return tool(run_python, timeout=time_limit_s + 5)


@dataclass(frozen=True)
class _Runner:
    time_limit_s: float
    max_memory_mb: int
    max_output_chars: int

    async def run(self, code: str) -> str:
        with tempfile.TemporaryDirectory(prefix="agentfast-python-") as folder:
            limits = (int(self.time_limit_s) + 1, self.max_memory_mb << 20, _FILE_BYTES)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", "-B", "-X", "utf8", str(_PROGRAM), folder, *map(str, limits)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=folder,
                env={"HOME": folder, "TMPDIR": folder},
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(self.time_limit_s):
                    output, is_cut = await self._talk(process, code.encode())
                    if not is_cut:
                        await process.wait()
            except TimeoutError as error:
                raise ToolError(f"the program runs longer than {self.time_limit_s:g} s") from error
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        text = output.decode(errors="replace")[: self.max_output_chars]
        if is_cut:
            return text + f"\n... cut off after {self.max_output_chars} characters"
        if process.returncode:
            raise ToolError(f"the program ended with {_ending(process.returncode)}: {text[-2000:]}")
        return text

    async def _talk(self, process: asyncio.subprocess.Process, source: bytes) -> tuple[bytes, bool]:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(source)
            await process.stdin.drain()
        process.stdin.close()
        output = bytearray()
        while chunk := await process.stdout.read(1 << 16):
            output += chunk
            if len(output) > 4 * self.max_output_chars:  # a character has up to four bytes
                return bytes(output), True
        return bytes(output), len(output.decode(errors="replace")) > self.max_output_chars


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {signal.Signals(-code).name}"
