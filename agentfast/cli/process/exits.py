"""Exit codes, the report of a failure, and the end by Ctrl-C. Imports nothing heavy."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from enum import IntEnum
from types import FrameType
from typing import Final

from agentfast.agent.errors import LimitExceededError
from agentfast.errors import AgentFastError, ConfigError, GrammarError


class Exit(IntEnum):
    """Exit codes of the command; `agentfast --help` lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    LIMIT = 4
    WAITING = 5
    INTERRUPTED = 130
    PIPE = 141


EPILOG = """\
exit codes:
  0    done
  1    it ran and failed: the model, a damaged checkpoint, the engine, a full disk; or the demo saw an invalid call
  2    the command line, a setting or a file does not fit
  3    the schema, or the output it asks for, is refused
  4    a limit of the run was reached: steps, calls, tokens or time
  5    calls of the run wait for a decision
  130  interrupted by Ctrl-C
  141  nobody reads the output any more
"""


WRITE_ERRORS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
"""Numbers of an OSError that says that output cannot be written: no mistake of the program's."""


def exit_code(error: AgentFastError) -> Exit:
    """The code that an exception ends the command with."""
    if isinstance(error, GrammarError):
        return Exit.REFUSED
    if isinstance(error, LimitExceededError):
        return Exit.LIMIT
    return Exit.USAGE if isinstance(error, ConfigError) else Exit.FAILED


def report(error: AgentFastError) -> Exit:
    """Print the error as one line on stderr, its hint included."""
    text = " ".join(str(error).split())
    print(f"agentfast: {text}", file=sys.stderr)
    return exit_code(error)


def end_at_once_on_interrupt() -> None:
    """Let Ctrl-C end the process at once, until `unwind_on_interrupt`.

    While libraries are imported there is nothing to unwind, and some of them catch a KeyboardInterrupt and go on half
    imported. A signal that is ignored or handled already stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def unwind_on_interrupt() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):  # nobody reads it any more
        os.write(2, b"agentfast: interrupted\n")  # print could be in the middle of a line of its own
    os._exit(Exit.INTERRUPTED)
