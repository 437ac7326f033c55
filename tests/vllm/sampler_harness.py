"""vLLM's sampler of DiffusionGemma on CPU tensors, without an engine and without a model."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import torch

HIDDEN: Final = 8
CANVAS: Final = 16
SLOTS: Final = 6
STEPS: Final = 5


def made_sampler(vocabulary_size: int, *, plain: bool = False) -> tuple[Any, Any]:
    """The constrained sampler, or with `plain` vLLM's own; and its states."""
    importlib.import_module("vllm.v1.worker.cpu.shm")  # stand-ins for what a GPU has
    theirs = importlib.import_module("vllm.model_executor.models.diffusion_gemma")
    states = theirs.DiffusionGemmaRequestStates(
        SLOTS, CANVAS, vocabulary_size, STEPS, torch.device("cpu"), HIDDEN, 2
    )
    names = theirs.DiffusionSampler.__call__.__code__.co_varnames
    nothing = (None, None, False) if "has_topp_only_rows" in names else (None, None)

    def returns(value: Any) -> Callable[..., Any]:
        return lambda *_args, **_options: value

    base = SimpleNamespace(
        sampling_states=SimpleNamespace(
            get_top_k_top_p=returns(nothing),
            max_num_logprobs=returns(-1),
        ),
        logprob_token_ids_state=SimpleNamespace(max_num_token_ids=returns(0)),
        req_states=SimpleNamespace(draft_tokens=torch.zeros(SLOTS, CANVAS, dtype=torch.int64)),
        logprobs_mode="raw_logprobs",
    )
    weights = torch.randn(vocabulary_size, HIDDEN, generator=torch.Generator().manual_seed(7))
    sampler = theirs.DiffusionSampler(
        base,
        SimpleNamespace(canvas_length=CANVAS),
        vocabulary_size,
        states,
        confidence_threshold=0.005,
        t_min=0.4,
        t_max=0.8,
        entropy_bound=0.1,
        embed_weight=weights,
        normalizer=torch.tensor(1.0),
    )
    if plain:
        return sampler, states
    ours = importlib.import_module("agentfast.runtime.adapters.vllm.sampler")
    return ours.ConstrainedSampler.of(sampler, 0), states


def batch(slots: Sequence[int], counts: Sequence[int]) -> Any:
    """The part of vLLM's input batch that samplers read: canvases of so many positions, all prompts read."""
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return SimpleNamespace(
        num_reqs=len(slots),
        num_draft_tokens=int(sum(counts)),
        idx_mapping_np=np.array(slots),
        idx_mapping=torch.tensor(slots),
        cu_num_logits_np=starts,
        query_start_loc_np=starts,
        query_start_loc=torch.from_numpy(starts),
        num_computed_prefill_tokens_np=np.zeros(len(slots), np.int64),
        num_scheduled_tokens=np.ones(len(slots), np.int64),
        prefill_len_np=np.ones(len(slots), np.int64),
    )


def emitted(output: Any, index: int) -> list[int]:
    """What a request of the batch emits in a step."""
    tokens: list[int] = output.sampled_token_ids[index, : int(output.num_sampled[index])].tolist()
    return tokens
