"""The options of `agentfast run` and `agentfast chat`, and what can be checked of them early. Imports nothing heavy."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any, Final, cast

from agentfast.cli.arguments import AddParser, add_placement, add_seed, seed
from agentfast.cli.checks import (
    check_checkpoint,
    check_text,
    check_url,
    read_json,
    read_standard_input,
)
from agentfast.cli.talk.agent_name import check_agent_name
from agentfast.errors import ConfigError

DESKS: Final = ("calendar", "customers", "messages", "orders", "stock")
OWN_AGENT: Final = ("url", "model", "key_env", "desk", "shop", "instructions", "device", "dtype", "schema")
"""Options that say of what an agent is made: an agent of the user's has its own."""

RUN_EPILOG: Final = """\
questions that the embedded model answers, about the shop that --shop 0 makes up:
  agentfast run "What is the status of order 1191?"
  agentfast run "Which orders does Nirkis Lomom have?"
  agentfast run "Which orders did the buyer of order 1191 make?"
  agentfast run --desk stock "Which products have a stock below 10?"
  agentfast run --desk customers "What is the email of the buyer of order 1191?"
  agentfast run --desk calendar "When is the Smipory update?"
  agentfast run --desk messages "Write to the buyer of order 1191: the parcel is ready"
it knows this shop and nothing else. Your own agent, or a model behind a server:
  agentfast run --agent my_module:agent "What is new?"
  agentfast run --url http://localhost:8000/v1 --model my-model "What is new?"
"""
CHAT_EPILOG: Final = """\
lines that begin with / are commands: /help, /reset, /quit (or /exit); //text sends /text.
Ctrl-C at the prompt and Ctrl-D end the chat; Ctrl-C during an answer ends the answer.
"""


def add_run(add: AddParser) -> argparse.ArgumentParser:
    """The parser of `agentfast run`."""
    run = add(
        "run",
        help="give one prompt to an agent",
        description="Give one prompt to an agent: to the embedded model at a desk of a small made-up shop, to another "
        "model, or to an agent of yours. The answer goes to standard output, the tool calls and their results to "
        "standard error.",
        epilog=RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("prompt", metavar="PROMPT", help="what to ask; - reads it from standard input")
    run.add_argument("--quiet", action="store_true", help="do not show the tool calls")
    run.add_argument("--json", action="store_true", help="print output, steps and usage as one JSON line")
    _add_agent(run)
    run.add_argument(
        "--schema", metavar="FILE", help="the answer is JSON that matches the JSON Schema in this file"
    )
    return run


def add_chat(add: AddParser) -> argparse.ArgumentParser:
    """The parser of `agentfast chat`."""
    chat = add(
        "chat",
        help="talk to an agent",
        description="Talk to an agent: to the embedded model at a desk of a small made-up shop, which takes each line as "
        "a request of its own, to another model, or to an agent of yours, which remember the conversation.",
        epilog=CHAT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    chat.set_defaults(schema=None)
    _add_agent(chat)
    return chat


def _add_agent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--agent",
        metavar="MODULE:NAME",
        help="your agent, or a function that makes it; MODULE is found from here, or is the path of a Python file",
    )
    parser.add_argument(
        "--url", metavar="URL", help="an OpenAI-compatible server, as http://host:port/v1; needs --model"
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a checkpoint directory, or with --url the model's name there (default: the embedded model)",
    )
    parser.add_argument(
        "--key-env",
        metavar="VARIABLE",
        help="with --url: the environment variable that has the key (default: OPENAI_API_KEY if it is set)",
    )
    parser.add_argument("--instructions", metavar="TEXT", help="the system message (default: the desk's)")
    parser.add_argument(
        "--desk",
        choices=DESKS,
        help="whose tools it has (default: orders; none with --url, --instructions or --schema)",
    )
    parser.add_argument("--shop", type=seed, metavar="N", help="which made-up shop (default: 0)")
    add_seed(parser, to_servers=True)
    add_placement(parser)


def check_run(options: argparse.Namespace) -> None:
    """Check the options of `agentfast run`, and read the schema, and a prompt from standard input.

    Raises:
        ConfigError: an option does not fit; the message names it.
    """
    if options.prompt == options.schema == "-":
        raise ConfigError("the prompt and --schema cannot both come from standard input")
    check_agent_options(options)
    if options.schema is not None:
        options.schema = _read_schema(options.schema)
    if options.prompt == "-":
        options.prompt = read_standard_input().strip()
    if not check_text(options.prompt, "the prompt").strip():
        raise ConfigError(
            "the prompt is empty",
            hint="say what to do, e.g. agentfast run 'What is the status of order 1191?'",
        )


def _read_schema(file: str) -> dict[str, Any]:
    schema = read_json(file)
    if isinstance(schema, bool):  # any value, or none
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        raise ConfigError(
            f"--schema {file}: a schema is a JSON object, true or false, not {json.dumps(schema)[:40]}"
        )
    return cast("dict[str, Any]", schema)


def check_agent_options(options: argparse.Namespace) -> None:
    """Check the options that say which agent, and fill in the seed of a model on this machine.

    Raises:
        ConfigError: an option does not fit, or not beside another one; the message names them.
    """
    given = vars(options)
    if options.agent is not None:
        for name in OWN_AGENT:
            if given[name] is not None:
                raise ConfigError(f"{_option(name)} does not go with --agent", hint="the agent has its own")
        check_agent_name(options.agent)
        return
    if options.seed is None and options.url is None:
        options.seed = 0
    if options.instructions is not None:
        check_text(options.instructions, "--instructions")
    if options.url is not None:
        _check_server(options)
    else:
        _check_local(options)


def _check_server(options: argparse.Namespace) -> None:
    url, _, name = options.url.partition("#")  # as the benchmark's seats have it
    check_url(url)
    if name and options.model:
        raise ConfigError(f"--url names the model {name!r} and --model {options.model!r}", hint="name one")
    options.url, options.model = url, options.model or name
    if not options.model:
        raise ConfigError("--url needs --model", hint="the model's name as the server has it")
    for name in ("device", "dtype"):
        if vars(options)[name] is not None:
            raise ConfigError(f"{_option(name)} does not go with --url", hint="the server decides")
    if options.key_env is not None and not os.environ.get(options.key_env):
        raise ConfigError(f"--key-env {options.key_env}: the environment has no such variable")


def _check_local(options: argparse.Namespace) -> None:
    if options.key_env is not None:
        raise ConfigError("--key-env needs --url")
    if options.model is not None:
        check_checkpoint(options.model)
    elif options.dtype is not None:
        raise ConfigError("--dtype needs --model", hint="the embedded model is float32")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
