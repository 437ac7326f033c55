"""`agentfast schema FILE`: compile a JSON Schema and report its cost, or the reason of its refusal."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from agentfast.cli.exits import Exit
from agentfast.cli.model import open_vocabulary
from agentfast.cli.schema.explain import Explanation, explain
from agentfast.cli.schema.field_cost import Compile
from agentfast.cli.schema.options import SchemaOptions
from agentfast.cli.schema.refusal import Refusal, refusal
from agentfast.errors import ConfigError, GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar

SHOWN = 60  # characters of the shortest instance in the report for people


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """The cost of a schema over one vocabulary.

    Attributes:
        states, edges, classes: of the compiled grammar: tokens of one class are alike in every state.
        tokens: size of the vocabulary.
        seconds: to compile the schema and lift it to the vocabulary.
        shortest: an instance that takes the fewest tokens.
        min_tokens: length of the shortest instance with the end token: the least budget of a request.
    """

    states: int
    edges: int
    classes: int
    tokens: int
    seconds: float
    shortest: str
    min_tokens: int

    def text(self) -> str:
        """The report as text for people."""
        shortest = self.shortest if len(self.shortest) <= SHOWN else self.shortest[:SHOWN] + "…"
        return (
            f"states    {self.states:,}\n"
            f"edges     {self.edges:,}\n"
            f"classes   {self.classes:,} of {self.tokens:,} tokens\n"
            f"compiled  in {1000 * self.seconds:.1f} ms\n"
            f"shortest  {shortest}\n"
            f"needs     {self.min_tokens:,} tokens at least, the end token included"
        )


def schema_command(options: argparse.Namespace) -> Exit:
    """Print the report; a refused schema raises, with --explain after its explanation."""
    schema = read_schema(options.file)
    vocabulary = open_vocabulary(options.model)
    documents = None if options.documents is None else read_documents(options.documents)
    schema_options = SchemaOptions(
        options.whitespace, not options.open, options.order, not options.ignore_format, documents
    )
    compile_alone = schema_options.compile
    try:
        report, grammar = measure(schema, compile_alone, vocabulary)
    except GrammarError as error:
        if options.explain:
            print_part(refusal(schema, error, compile_alone, vocabulary), as_json=options.json)
        raise
    if not options.explain:
        print_part(report, as_json=options.json)
        return Exit.OK
    explanation = explain(schema, grammar, schema_options, samples=options.samples, seed=options.seed)
    print_part(report, explanation, as_json=options.json)
    return Exit.OK


def print_part(*parts: SchemaReport | Explanation | Refusal, as_json: bool) -> None:
    """Print one JSON object of all parts, or their texts."""
    if as_json:
        fields = {name: value for part in parts for name, value in asdict(part).items()}
        print(json.dumps(fields, ensure_ascii=False))
    else:
        print("\n".join(part.text() for part in parts))


def read_schema(file: str) -> Any:
    """The JSON value in a file, or in standard input for "-".

    Raises:
        ConfigError: there is no such file, or it is not JSON.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise ConfigError(f"{file} is not JSON: {error}") from error


def read_documents(folder: str) -> dict[str, Any]:
    """The JSON files in a folder and below, by their path in it.

    Raises:
        ConfigError: there is no such folder, or a file in it is not JSON.
    """
    root = Path(folder)
    if not root.is_dir():
        raise ConfigError(f"{folder} is not a folder")
    return {
        path.relative_to(root).as_posix(): read_schema(str(path)) for path in sorted(root.rglob("*.json"))
    }


def measure(schema: Any, compile_alone: Compile, vocabulary: Vocabulary) -> tuple[SchemaReport, TokenGrammar]:
    """Compile and report.

    Raises:
        UnsupportedSchemaError: a keyword that is not enforced exactly.
        GrammarError: the schema has no instance, or needs too many states.
    """
    Grammar.text().compile(vocabulary)  # the vocabulary's own tables are not what is measured
    began = perf_counter()
    grammar = compile_alone(schema).compile(vocabulary)
    seconds = perf_counter() - began
    report = SchemaReport(
        states=grammar.state_count,
        edges=len(grammar.edge_target),
        classes=grammar.classes.count,
        tokens=vocabulary.size,
        seconds=round(seconds, 6),
        shortest=shortest_instance(grammar),
        min_tokens=grammar.min_tokens(grammar.start),
    )
    return report, grammar


def shortest_instance(grammar: TokenGrammar) -> str:
    """A text of the fewest tokens, following the states' distances to the end."""
    state, written = grammar.start, bytearray()
    while not grammar.is_done(state):
        token = int(np.argmax(grammar.allowed(state, grammar.min_tokens(state))))
        written += grammar.vocabulary.tokens[token] or b""
        state = grammar.advance(state, token)
    return written.decode()
