"""Gemma 4 checkpoints of the same backbone, saved by transformers, give the logits that transformers gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from agentfast.errors import CheckpointError
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from tests.support import reference_checkpoints as tiny
from tests.support.dense_attention import DenseRunner

TOLERANCE = 1e-4


@torch.no_grad()
@pytest.mark.parametrize("build", [tiny.gemma4_text, tiny.gemma4_with_images])
@pytest.mark.parametrize(
    "variant",
    [{}, {"attention_k_eq_v": False}, {"final_logit_softcapping": None, "sliding_window": 64}],
    ids=str,
)
def test_a_prompt_and_then_single_tokens_give_the_same_logits(
    build: Callable[..., Any], variant: dict[str, Any], tmp_path: Path
) -> None:
    reference = build(seed=3, **variant)
    model = load_checkpoint(tiny.save(reference, tmp_path)).model
    assert model.config.kind == "autoregressive"
    prompts = {row: tiny.ids(length, seed=row) for row, length in enumerate([13, 4])}
    ours = DenseRunner(model)
    encoded = ours.encode(prompts)
    steps = [ours.encode({row: tiny.ids(1, seed=10 * step + row) for row in prompts}) for step in range(3)]
    for row, prompt in prompts.items():
        tokens = prompt + [tiny.ids(1, seed=10 * step + row)[0] for step in range(3)]
        theirs = reference(input_ids=torch.tensor([tokens])).logits[0]
        assert theirs.std() > 1
        got = torch.cat([encoded[row], *(step[row] for step in steps)])
        torch.testing.assert_close(got, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize(
    ("variant", "named"),
    [
        (
            {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": tiny.VOCABULARY},
            "per-layer embeddings",
        ),
        ({"num_kv_shared_layers": 2}, "KV shared between layers"),
        ({"enable_moe_block": False}, "dense model"),
    ],
)
def test_gemma4_of_another_backbone_is_refused_by_name(
    variant: dict[str, Any], named: str, tmp_path: Path
) -> None:
    tiny.save(tiny.gemma4_text(**variant), tmp_path)
    with pytest.raises(CheckpointError, match=named):
        load_checkpoint(tmp_path)
