"""The options of `agentfast schema`, and what can be checked of them early. Imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from agentfast.cli.arguments import AddParser, add_model, add_seed, positive
from agentfast.cli.checks import check_checkpoint, read_json
from agentfast.errors import ConfigError


def add_schema(add: AddParser) -> argparse.ArgumentParser:
    """The parser of the command."""
    schema = add(
        "schema",
        help="compile a JSON Schema: what it costs, or why it is refused",
        description="Compile a JSON Schema to a grammar and report its size, or the keyword that is not enforced exactly.",
        epilog="With --explain a refused schema's explanation is on standard output and the error on standard error.",
    )
    schema.add_argument("file", metavar="FILE", help="a JSON file; - reads standard input")
    schema.add_argument(
        "--whitespace",
        choices=("compact", "spaced", "flexible"),
        default="compact",
        help="none, as json.dumps writes it, or as models do (default: compact)",
    )
    schema.add_argument(
        "--open",
        action="store_true",
        help="read everything as JSON Schema has it: objects are open, unknown keywords say nothing, values have every "
        "spelling",
    )
    schema.add_argument(
        "--order",
        choices=("declared", "any"),
        help="of properties (default: declared, with --open any)",
    )
    schema.add_argument("--ignore-format", action="store_true", help="formats are annotations")
    schema.add_argument(
        "--documents",
        metavar="DIR",
        help="a folder with the JSON files that $ref may lead to, by their path in it and by their $id",
    )
    schema.add_argument(
        "--explain",
        action="store_true",
        help="also show sampled instances, what each field costs, the limits, and how keywords are read; "
        "for a refused schema, how to rewrite it",
    )
    schema.add_argument(
        "--samples", type=positive, default=3, metavar="N", help="instances that --explain draws (default: 3)"
    )
    add_seed(schema, of="of the drawn instances")
    schema.add_argument("--json", action="store_true", help="print the report as one JSON line")
    add_model(schema)
    return schema


def check_schema(options: argparse.Namespace) -> None:
    """Check the options, and read the schema and its documents into `options.schema` and `options.documents`.

    Raises:
        ConfigError: a file or folder does not fit; the message names it.
    """
    if options.model is not None:
        check_checkpoint(options.model)
    options.schema = read_json(options.file)
    if options.documents is not None:
        options.documents = read_documents(options.documents)


def read_documents(folder: str) -> dict[str, Any]:
    """The JSON files in a folder and below, by their path in it.

    Raises:
        ConfigError: there is no such folder, or a file in it is not JSON.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(f"--documents {folder} is not a folder")
    return {path.relative_to(root).as_posix(): read_json(str(path)) for path in sorted(root.rglob("*.json"))}
