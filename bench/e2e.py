"""Speed and success of diffusion agents against autoregressive ones on the same tasks: `agentfast bench`.

    python -m bench.e2e [--json] [--tasks N] [--repeats N] [--concurrency 1 4 16 48] [--oracle 205 1288] ...

The regime and the figures are explained in `agentfast/cli/bench/`, the options by --help. The last line is JSON.
"""

from __future__ import annotations

import sys

from agentfast.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main(["bench", *sys.argv[1:]]))
