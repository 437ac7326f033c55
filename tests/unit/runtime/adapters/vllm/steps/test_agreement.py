"""Ranks come to the same tokens."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Barrier, Thread

import numpy as np
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.steps.agreement import FAILED, READY, Agreement
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, Phase, RowSettings
from tests.unit.runtime.adapters.vllm.steps.rows_harness import Slots, compiled, logits_of, row, vocabulary

RANKS = 2


class Ranks:
    """Collective calls between threads, as vLLM's group has them."""

    def __init__(self) -> None:
        self.barrier = Barrier(RANKS, timeout=60)
        self.given: list[torch.Tensor | None] = [None] * RANKS

    def group(self, rank: int) -> Group:
        return Group(self, rank)

    def exchange(self, rank: int, tensor: torch.Tensor) -> list[torch.Tensor]:
        self.given[rank] = tensor.clone()
        self.barrier.wait()
        found = [one for one in self.given if one is not None]
        self.barrier.wait()
        return found


class Group:
    """One rank's end of the calls."""

    world_size = RANKS

    def __init__(self, ranks: Ranks, rank: int) -> None:
        self._ranks, self._rank = ranks, rank

    def all_reduce(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.stack(self._ranks.exchange(self._rank, tensor)).sum(0)

    def broadcast(self, tensor: torch.Tensor, src: int) -> torch.Tensor:
        return self._ranks.exchange(self._rank, tensor)[src]


def on_all(work: Callable[[int, Agreement], None]) -> None:
    ranks = Ranks()
    errors: list[Exception] = []

    def one(rank: int) -> None:
        try:
            work(rank, Agreement(ranks.group(rank), torch.device("cpu")))
        except Exception as error:
            errors.append(error)
            ranks.barrier.abort()
            raise

    threads = [Thread(target=one, args=(rank,)) for rank in range(RANKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_one_rank_agrees_with_itself() -> None:
    alone = Agreement(None, torch.device("cpu"))
    assert alone.compiled([0, READY, FAILED]) == [0, READY, FAILED]
    assert alone.first(np.arange(3)).tolist() == [0, 1, 2]
    part = torch.ones(2)
    assert alone.sum(part) is part
    assert alone.sum(part, failed=True) is None
    assert not alone.has_failed(False)


def test_a_grammar_is_ready_when_all_ranks_have_it_and_failed_when_one_failed() -> None:
    found: dict[int, list[int]] = {}

    def work(rank: int, agreement: Agreement) -> None:
        flags = ([READY, READY, 0, FAILED], [READY, 0, 0, READY])[rank]
        found[rank] = agreement.compiled(flags)

    on_all(work)
    assert found == {0: [READY, 0, 0, FAILED], 1: [READY, 0, 0, FAILED]}


def test_ranks_whose_logits_differ_write_the_first_ranks_canvases() -> None:
    slots: dict[int, Slots] = {}

    def work(rank: int, agreement: Agreement) -> None:
        mine = slots[rank] = Slots(agreement)
        mine.rows.add("a", 0, row("[a-z]{20}"))
        mine.rows.add("b", 1, row("[0-9]{3,12}", seed=2))
        for seed in range(40):
            logits = logits_of(2, seed) + rank * 0.5 * logits_of(2, seed + 1000)
            mine.take([0, 1], logits)

    on_all(work)
    assert slots[0].emitted == slots[1].emitted
    assert torch.equal(slots[0].tensors.canvas, slots[1].tensors.canvas)
    assert torch.equal(slots[0].tensors.self_conditioning, slots[1].tensors.self_conditioning)
    assert re.fullmatch("[a-z]{20}", slots[1].text(0))


def test_parts_are_summed_unless_a_rank_has_failed() -> None:
    def work(rank: int, agreement: Agreement) -> None:
        total = agreement.sum(torch.full((2, 3), rank + 1.0))
        assert total is not None
        assert total.tolist() == [[3.0] * 3] * 2
        assert agreement.sum(torch.ones(2), failed=rank == 1) is None
        assert agreement.has_failed(rank == 0)
        assert not agreement.has_failed(False)

    on_all(work)


def test_a_row_that_meets_an_error_on_one_rank_fails_on_all() -> None:
    phases: dict[int, list[Phase]] = {}

    def work(rank: int, agreement: Agreement) -> None:
        mine = Slots(agreement)
        rows = [row("[a-z]{20}"), row("[0-9]{3,12}", seed=2)]
        for slot, made in enumerate(rows):
            mine.rows.add(str(slot), slot, made)
        for seed in range(30):
            logits = logits_of(2, seed)
            if seed == 2 and rank == 1:
                logits[3, 7] = torch.nan
            mine.take([0, 1], logits)
        phases[rank] = [made.phase for made in rows]

    on_all(work)
    assert phases == {rank: [Phase.FAILED, Phase.ENDED] for rank in range(RANKS)}


def test_a_row_whose_grammar_one_rank_could_not_make_fails_on_all() -> None:
    phases: dict[int, Phase] = {}

    def work(rank: int, agreement: Agreement) -> None:
        mine = Slots(agreement)
        made = row()
        if rank == 1:
            made = ConstrainedRow(compiled(GrammarError("no")), RowSettings(1), 40, vocabulary().size)
        mine.rows.add("a", 0, made)
        assert mine.take([0], logits_of(1)).failures == [0]
        phases[rank] = made.phase

    on_all(work)
    assert set(phases.values()) == {Phase.FAILED}
