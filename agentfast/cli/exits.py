"""Exit codes, and the report of a failure."""

from __future__ import annotations

import errno
import sys
from enum import IntEnum
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
    INTERRUPTED = 130
    PIPE = 141


EPILOG = """\
exit codes:
  0    done
  1    it ran and failed: the model, a damaged checkpoint, the engine, a full disk; or the demo saw an invalid call
  2    the command line, a setting or a file does not fit
  3    the schema, or the output it asks for, is refused
  4    a limit of the run was reached: steps, calls, tokens or time
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
