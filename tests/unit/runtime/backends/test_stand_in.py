"""Torch stands in for kernels that are being compiled, and hands over between two forward passes."""

from __future__ import annotations

import pytest
import torch

from agentfast.runtime.backends.cpu.backend import CpuBackend
from agentfast.runtime.backends.registry import backend_for, torch_backend
from agentfast.runtime.backends.stand_in import StandInBackend
from agentfast.runtime.jit import cold_start
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.config import Kind
from tests.support.engine_kit import CONFIG, checked_engine, complete, small_model, some_requests, texts


class After:
    """True from a number of calls on."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __call__(self) -> bool:
        self.calls -= 1
        return self.calls < 0


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
@pytest.mark.parametrize("calls", [0, 1, 4, 9, 10**6])
async def test_rows_go_on_where_the_stand_in_has_left_them(kind: Kind, calls: int) -> None:
    model = small_model(kind).eval()
    requests = some_requests(12, seed=1)
    async with checked_engine(kind) as engine:
        expected = texts(await complete(engine, requests))
    store = KVStore(model.config, CONFIG.num_blocks, CONFIG.block_size, torch.float32, torch.device("cpu"))
    slow = torch_backend(model, CONFIG, store=store)
    fast = CpuBackend(model, CONFIG, slow.posterior, store)
    async with checked_engine(kind, backend=StandInBackend(slow, fast, After(calls))) as engine:
        assert texts(await complete(engine, requests)) == expected


def test_a_small_model_has_a_stand_in_while_kernels_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTFAST_COLD_START")
    assert isinstance(backend_for(small_model(), CONFIG), CpuBackend) or not cold_start.kernels_ready()
    monkeypatch.setattr("agentfast.runtime.backends.registry.kernels_ready", lambda: False)
    assert isinstance(backend_for(small_model(), CONFIG), StandInBackend)
