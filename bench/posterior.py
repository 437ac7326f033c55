"""The posterior of one constrained canvas on a CPU, at the sizes of a real checkpoint: V = 262,144, one thread.

The vocabulary is drawn: words, numbers and punctuation in the shares that a tokenizer's have. The grammar is that of a
tool call of five arguments; the logits are random. Counted is all that a step takes of a row: best, sample, entropies.
The [C, V] marginals, which the next step's self-conditioning reads, are counted apart. The trellis is cached, as from a
canvas's second step on.

`python -m bench.posterior [--repeats 15]`; the last line is JSON, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import cache, partial
from statistics import median
from time import perf_counter
from typing import Any, Final

import numpy as np
import torch

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import TokenGrammar, compile_schema
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior
from agentfast.runtime.posterior.exact import canvas_posterior

VOCABULARY_SIZE: Final = 262_144
CANVASES: Final = (64, 256)
_LETTERS: Final = np.frombuffer(b"eeetttaaooiinnsshhrrddllucmfwypvbgkjqxz", np.uint8)
_OTHERS: Final = np.frombuffer(b'0123456789_-.,:;"{}[]()<>/\\ \n', np.uint8)
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 200},
        "priority": {"enum": ["low", "normal", "high"]},
        "due": {"type": "string", "format": "date"},
        "hours": {"type": "integer", "minimum": 0, "maximum": 1000},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    },
    "required": ["title", "priority", "due", "hours"],
    "additionalProperties": False,
}


@cache
def drawn_vocabulary(size: int = VOCABULARY_SIZE) -> Vocabulary:
    """Every byte, `size` less 257 drawn tokens of 2 to 11 bytes, and <eos>."""
    random = np.random.default_rng(0)
    tokens = dict.fromkeys(bytes([byte]) for byte in range(256))
    while len(tokens) < size - 1:
        letters = _LETTERS if random.random() < 0.9 else _OTHERS
        text = letters[random.integers(0, len(letters), int(random.integers(2, 12)))].tobytes()
        tokens[b" " + text if random.random() < 0.4 else text] = None
    return Vocabulary((*tokens, None), {"<eos>": size - 1}, frozenset({size - 1}))


@cache
def tool_grammar() -> TokenGrammar:
    """The grammar of the tool call over the drawn vocabulary."""
    return compile_schema(_SCHEMA).compile(drawn_vocabulary())


def canvas_row(canvas: int) -> CanvasRow:
    """A canvas of random logits under the grammar."""
    random = np.random.default_rng(canvas)
    logits = torch.from_numpy(4 * random.standard_normal((canvas, VOCABULARY_SIZE), dtype=np.float32))
    grammar = tool_grammar()
    return CanvasRow(logits, grammar, grammar.start, 4 * canvas, random.random(canvas))


def posterior_cpu_ms(repeats: int) -> float:
    """Median milliseconds of the posterior of one canvas of 256 on one thread, without its [C, V] marginals."""
    return median(_on_one_thread(lambda: _times(256, repeats))[0])


def _times(canvas: int, repeats: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each repeat of the posterior, and of its marginals into memory at hand."""
    row = canvas_row(canvas)
    out = torch.empty_like(row.logits)
    posterior: list[float] = []
    marginals: list[float] = []
    for turn in range(repeats + 2):
        began = perf_counter()
        (found,) = canvas_posterior([row])
        between = perf_counter()
        assert isinstance(found, ConstrainedPosterior)
        found.marginals(row.logits, out=out)
        if turn > 1:  # the first two compile and fill caches
            posterior.append(1e3 * (between - began))
            marginals.append(1e3 * (perf_counter() - between))
    return posterior, marginals


def _on_one_thread(work: Callable[[], tuple[list[float], list[float]]]) -> tuple[list[float], list[float]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return work()
    finally:
        torch.set_num_threads(threads)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    report: dict[str, dict[str, float]] = {}
    for canvas in CANVASES:
        posterior, marginals = _on_one_thread(partial(_times, canvas, options.repeats))
        print(
            f"C = {canvas:3}: posterior {median(posterior):.1f} ms ({min(posterior):.1f} to {max(posterior):.1f}), "
            f"marginals {median(marginals):.1f} ms ({min(marginals):.1f} to {max(marginals):.1f})"
        )
        report[str(canvas)] = {
            "posterior_ms": round(median(posterior), 2),
            "marginals_ms": round(median(marginals), 2),
        }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
