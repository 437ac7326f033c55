"""Arguments of `agentfast mcp`. Imports nothing heavy."""

from __future__ import annotations

import argparse
from typing import Final

from agentfast.cli.arguments import AddParser
from agentfast.cli.talk.agent_name import check_agent_name
from agentfast.errors import ConfigError
from agentfast.tools.mcp.options import check_package

_HOST: Final = "127.0.0.1"
_MOST: Final = 65535


def add_mcp(add: AddParser) -> argparse.ArgumentParser:
    """The parser of `agentfast mcp`."""
    parser = add(
        "mcp",
        help="serve tools or an agent by MCP",
        description="Serve the tools of a registry, a toolset or a list, or an agent as one tool that runs it, to clients of the "
        "Model Context Protocol: over standard input and output, or by streamable HTTP.",
    )
    parser.add_argument(
        "served",
        metavar="MODULE:NAME",
        help="a registry, toolset, list of tools, or agent; MODULE may be a file",
    )
    parser.add_argument(
        "--http",
        type=address,
        metavar="HOST:PORT",
        help="serve by HTTP at this address, at the path /mcp; HOST is 127.0.0.1 if left out",
    )
    parser.add_argument("--name", default="agentfast", help="what the server says it is (default: agentfast)")
    parser.add_argument(
        "--client-approves",
        action="store_true",
        help="serve tools that require approval, as the clients ask their users",
    )
    return parser


def address(text: str) -> tuple[str, int]:
    """argparse type of HOST:PORT, :PORT or PORT."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host.strip("[]") or _HOST, int(port)


def check_mcp(options: argparse.Namespace) -> None:
    """Check that there is such a module, and that the package mcp is installed.

    Raises:
        ConfigError: there is none, or it is not.
    """
    if ":" not in options.served:
        raise ConfigError(
            f"{options.served}: it has to be MODULE:NAME", hint="e.g. agentfast mcp my_tools:tools"
        )
    check_agent_name(options.served, "")
    check_package()
