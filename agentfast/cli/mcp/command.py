"""`agentfast mcp`."""

from __future__ import annotations

import argparse
import sys
from contextlib import redirect_stdout

from agentfast.cli.process.exits import Exit
from agentfast.cli.process.loop import event_loop
from agentfast.cli.talk.agent_file import load_named
from agentfast.server.mcp.serve import is_loopback, serve_http, serve_stdio
from agentfast.server.mcp.tools import mcp_server


def mcp_command(options: argparse.Namespace) -> Exit:
    """Serve until the client is gone, or Ctrl-C."""
    with redirect_stdout(sys.stderr):  # what a module prints when it is imported is not for the client
        served = load_named(options.served)
    server = mcp_server(served, name=options.name, client_approves=options.client_approves)
    with event_loop() as loop:
        if options.http is None:
            loop.run(serve_stdio(server))
            return Exit.OK
        host, port = options.http
        if not is_loopback(host):
            print(f"agentfast: whoever reaches {host} can call the tools", file=sys.stderr)
        loop.run(serve_http(server, host, port, ready=_say))
    return Exit.OK


def _say(url: str) -> None:
    print(f"serving at {url}", file=sys.stderr, flush=True)
