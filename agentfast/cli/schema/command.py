"""`agentfast schema FILE`: compile a JSON Schema and report its cost, or the reason of its refusal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np

from agentfast.cli.model import open_vocabulary
from agentfast.cli.process.exits import Exit, unwind_on_interrupt
from agentfast.cli.schema.explain import Explanation, explain
from agentfast.cli.schema.field_cost import Begin, Compile
from agentfast.cli.schema.options import SchemaOptions
from agentfast.cli.schema.progress import Phases
from agentfast.cli.schema.refusal import Refusal, refusal
from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.grammar.progress import progress_to

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
    unwind_on_interrupt()
    schema_options = SchemaOptions(
        options.whitespace, not options.open, options.order, not options.ignore_format, options.documents
    )
    refused: GrammarError | None = None
    with Phases() as phases, progress_to(phases.count):
        phases.begin("reading the vocabulary")
        vocabulary = open_vocabulary(options.model)
        try:
            parts = work_out(options, schema_options, vocabulary, phases)
        except GrammarError as error:
            refused, parts = error, []
            if options.explain:
                parts = [refusal(options.schema, error, schema_options.compile, vocabulary, phases.begin)]
    if parts:
        print_parts(parts, as_json=options.json)
    if refused is not None:
        raise refused
    return Exit.OK


def work_out(
    options: argparse.Namespace, schema_options: SchemaOptions, vocabulary: Vocabulary, phases: Phases
) -> list[Part]:
    """The report, and with --explain the explanation.

    Raises:
        GrammarError: the schema is refused.
    """
    report, grammar = measure(options.schema, schema_options.compile, vocabulary, phases.begin)
    if not options.explain:
        return [report]
    explanation = explain(
        options.schema,
        grammar,
        schema_options,
        samples=options.samples,
        seed=options.seed,
        begin=phases.begin,
    )
    return [report, explanation]


Part = SchemaReport | Explanation | Refusal


def print_parts(parts: Sequence[Part], *, as_json: bool) -> None:
    """Print one JSON object of all parts, or their texts."""
    if as_json:
        fields = {name: value for part in parts for name, value in asdict(part).items()}
        print(json.dumps(fields, ensure_ascii=False))
    else:
        print("\n".join(part.text() for part in parts))


def measure(
    schema: Any, compile_alone: Compile, vocabulary: Vocabulary, begin: Begin
) -> tuple[SchemaReport, TokenGrammar]:
    """Compile and report.

    Args:
        begin: told of each phase as it begins.

    Raises:
        UnsupportedSchemaError: a keyword that is not enforced exactly.
        GrammarError: the schema has no instance, or needs too many states.
    """
    Grammar.text().compile(vocabulary)  # the vocabulary's own tables are not what is measured
    began = perf_counter()
    begin("compiling the schema to an automaton over bytes")
    over_bytes = compile_alone(schema)
    begin(f"lifting the automaton to {vocabulary.size:,} tokens")
    grammar = over_bytes.compile(vocabulary)
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
