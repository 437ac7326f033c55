"""transformers reads a checkpoint that we saved, completely, and computes the same with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from tests.support import reference_checkpoints as reference
from tests.support.checkpoints import EOS, rough_model, save_rough_model, tokenizer_json
from tests.support.dense_attention import DenseRunner

PROMPT = [token % 260 for token in reference.ids(11, seed=0)]
CANVAS = list(range(50, 58))
transformers: Any = reference.transformers


def _read(architecture: str, directory: Path) -> Any:
    model, report = getattr(transformers, architecture).from_pretrained(
        directory, output_loading_info=True, dtype=torch.float32
    )
    assert not any(report.values()), report
    return model.eval()


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_diffusion_gemma(dtype: torch.dtype, tmp_path: Path) -> None:
    save_rough_model(tmp_path, "diffusion", dtype)
    ours = DenseRunner(load_checkpoint(tmp_path).model)
    theirs = _read("DiffusionGemmaForBlockDiffusion", tmp_path)
    assert theirs.config.canvas_length == 8
    expected = theirs(
        input_ids=torch.tensor([PROMPT]),
        decoder_input_ids=torch.tensor([CANVAS]),
        **reference.cached(transformers.DynamicCache(config=theirs.config.get_text_config())),
    )
    ours.encode({0: PROMPT})
    torch.testing.assert_close(ours.denoise({0: CANVAS})[0], expected.logits[0], atol=1e-4, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("shared_kv", [True, False])
def test_gemma4(shared_kv: bool, tmp_path: Path) -> None:
    model = rough_model("autoregressive", shared_kv=shared_kv)
    save_checkpoint(
        model, tmp_path / "to", tokenizer=tokenizer_json(tmp_path), eos_ids=[1], dtype=torch.float32
    )
    theirs = _read("Gemma4ForCausalLM", tmp_path / "to")
    expected = theirs(input_ids=torch.tensor([PROMPT])).logits[0]
    torch.testing.assert_close(DenseRunner(model).encode({0: PROMPT})[0], expected, atol=1e-4, rtol=0)


def test_generation_config_says_the_same(tmp_path: Path) -> None:
    generation = GenerationDefaults(max_denoising_steps=9, t_min=0.2, entropy_bound=0.3)
    save_checkpoint(
        rough_model(),
        tmp_path / "to",
        tokenizer=tokenizer_json(tmp_path),
        eos_ids=[EOS],
        generation=generation,
        max_new_tokens=77,
    )
    theirs = _read("DiffusionGemmaForBlockDiffusion", tmp_path / "to").generation_config
    assert (theirs.max_denoising_steps, theirs.t_min, theirs.t_max) == (9, 0.2, 0.8)
    assert (theirs.sampler_config.entropy_bound, theirs.max_new_tokens) == (0.3, 77)
    assert (theirs.eos_token_id, theirs.pad_token_id) == ([EOS], 0)
