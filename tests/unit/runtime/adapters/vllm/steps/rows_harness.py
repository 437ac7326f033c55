"""Constrained rows and the tensors of their slots, without vLLM."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import torch

from agentfast.runtime.adapters.vllm.steps.agreement import Agreement
from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasTensors, write_canvases
from agentfast.runtime.adapters.vllm.steps.constrained_step import ConstrainedStep
from agentfast.runtime.adapters.vllm.steps.effects import Step
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, RowSettings
from agentfast.runtime.adapters.vllm.steps.row_table import RowTable
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar

CANVAS: Final = 8
SLOTS: Final = 4
HIDDEN: Final = 3
GENERATION: Final = GenerationDefaults(max_denoising_steps=4)


@cache
def vocabulary() -> Vocabulary:
    """Bytes, and an end token."""
    return Vocabulary.byte_level()


@cache
def grammar(pattern: str) -> TokenGrammar:
    """A regular expression's."""
    return Grammar.from_regex(pattern).compile(vocabulary(), "")


def compiled(made: TokenGrammar | Exception) -> Future[TokenGrammar]:
    """A compilation that has ended."""
    future: Future[TokenGrammar] = Future()
    if isinstance(made, Exception):
        future.set_exception(made)
    else:
        future.set_result(made)
    return future


def row(
    pattern: str = "[a-z]{20}", budget: int = 40, emitted: str = "", seed: int = 1, **settings: Any
) -> ConstrainedRow:
    """A row whose grammar is compiled."""
    tokens = list(emitted.encode())
    return ConstrainedRow(
        compiled(grammar(pattern)), RowSettings(seed, **settings), budget, vocabulary().size, tokens
    )


@dataclass
class Slots:
    """Slots of vLLM's tensors, and the steps of what is in them."""

    agreement: Agreement = field(default_factory=lambda: Agreement(None, torch.device("cpu")))

    def __post_init__(self) -> None:
        """Make empty slots."""
        canvas = torch.zeros(SLOTS, CANVAS, dtype=torch.int64)
        self.tensors = CanvasTensors(
            canvas,
            canvas.clone(),
            canvas.clone(),
            torch.zeros(SLOTS, dtype=torch.bool),
            torch.ones(SLOTS, CANVAS, HIDDEN),
        )
        self.rows = RowTable()
        weights = torch.randn(vocabulary().size, HIDDEN, generator=torch.Generator().manual_seed(0))
        self.step = ConstrainedStep(
            self.rows, GENERATION, CANVAS, lambda p: p @ weights, HIDDEN, self.agreement
        )
        self.emitted: dict[int, list[int]] = {}

    def take(self, slots: Sequence[int], logits: torch.Tensor, counts: Sequence[int] | None = None) -> Step:
        """A step of the rows in some slots, with so many positions each."""
        starts = [0]
        for count in counts or [CANVAS] * len(slots):
            starts.append(starts[-1] + count)
        step = self.step.take(self.step.places(slots, starts), logits)
        write_canvases(step.writes, self.tensors)
        for index, emission in step.emissions.items():
            self.emitted.setdefault(slots[index], []).extend(emission.tokens[: emission.count].tolist())
        return step

    def text(self, slot: int) -> str:
        """What a slot has emitted, up to its end token."""
        tokens = self.emitted.get(slot, [])
        end = min((tokens.index(eos) for eos in vocabulary().eos_ids if eos in tokens), default=len(tokens))
        return bytes(tokens[:end]).decode()


def logits_of(rows: int, seed: int = 0) -> torch.Tensor:
    """Random logits for some whole canvases."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows * CANVAS, vocabulary().size, generator=generator)
