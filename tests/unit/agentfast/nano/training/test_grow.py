"""Deeper models from trained ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from agentfast.errors import CheckpointError, ConfigError
from agentfast.nano import WEIGHTS
from agentfast.nano.training import train
from agentfast.nano.training.corpus.batches import Encoded, TrainingBatch, make_batch
from agentfast.nano.training.grow import deepen, main
from agentfast.nano.training.losses import denoiser, encode
from agentfast.nano.training.presets import PRESETS, Preset, initialise
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.files import tokenizer_file
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.model.checkpoint.save import save_checkpoint

VOCABULARY = 1_536
SHALLOW = Preset(
    hidden=32,
    intermediate=32,
    heads=2,
    head_dim=16,
    layers=("sliding", "full") * 2,
    experts=4,
    expert_intermediate=16,
    window=8,
)
DEEP = replace(SHALLOW, layers=("sliding", "full") * 3)


def of(preset: Preset, weights: dict[str, Tensor] | None = None) -> BlockDiffusionModel:
    model = BlockDiffusionModel(preset.model_config(VOCABULARY, "diffusion"))
    torch.manual_seed(0)
    initialise(model)
    if weights is not None:
        model.load_state_dict(weights)
    return model


def some_batch() -> TrainingBatch:
    drawn = torch.randint(2, VOCABULARY, (2, 30), generator=torch.Generator().manual_seed(1))
    tokens = cast("list[list[int]]", drawn.tolist())
    return make_batch([Encoded(row, [(12, 25)], "chain") for row in tokens], 16, pad=0)


@torch.no_grad()
def written(model: BlockDiffusionModel) -> tuple[Tensor, Tensor]:
    """What the causal mode and the denoising mode make of a batch."""
    batch = some_batch()
    encoded, hidden = encode(model, batch)
    return hidden, denoiser(model, batch, encoded)(batch.canvas, None)


@pytest.mark.parametrize("at", [0, 2])
def test_copies_that_add_nothing_leave_the_model_as_it_is(at: int) -> None:
    shallow = of(SHALLOW)
    deep = of(DEEP, deepen(shallow.state_dict(), at, 2, share=0.0))
    for before, after in zip(written(shallow), written(deep), strict=True):
        torch.testing.assert_close(after, before)


def test_copies_stand_before_their_originals_and_share_no_memory() -> None:
    weights = of(SHALLOW).state_dict()
    deeper = deepen(weights, 1, 2, share=0.5)
    for rest in ("self_attn.q_proj.weight", "experts.down_proj", "router.proj.weight"):
        order = [weights[f"layers.{i}.{rest}"] for i in (0, 1, 2, 1, 2, 3)]
        assert all(torch.equal(deeper[f"layers.{i}.{rest}"], tensor) for i, tensor in enumerate(order)), rest
        assert deeper[f"layers.1.{rest}"].data_ptr() != deeper[f"layers.3.{rest}"].data_ptr()
    scaled = deeper["layers.2.post_feedforward_layernorm.weight"]
    torch.testing.assert_close(scaled, 0.5 * weights["layers.2.post_feedforward_layernorm.weight"])
    assert torch.equal(deeper["norm.weight"], weights["norm.weight"])


@pytest.mark.parametrize(("at", "count"), [(3, 2), (-1, 1), (0, 5), (1, -1)])
def test_layers_that_the_model_does_not_have_are_refused(at: int, count: int) -> None:
    with pytest.raises(ConfigError, match="0 to 3"):
        deepen(of(SHALLOW).state_dict(), at, count)


def test_a_checkpoint_becomes_a_trunk_that_training_branches_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "shallow", SHALLOW)
    monkeypatch.setitem(PRESETS, "deep", DEEP)
    shallow = of(SHALLOW)
    save_checkpoint(
        shallow,
        tmp_path / "shallow",
        tokenizer=tokenizer_file(WEIGHTS),
        eos_ids=[1],
        dtype=torch.float32,
    )
    main(
        [
            str(tmp_path / "shallow"),
            "--out",
            str(tmp_path / "trunk"),
            "--at",
            "2",
            "--layers",
            "2",
            "--share",
            "0",
        ]
    )
    options = ["--from", str(tmp_path / "trunk"), "--steps", "0", "--out"]
    train.main([*options, str(tmp_path / "run"), "--preset", "deep", "--export", str(tmp_path / "deep")])
    deep = load_checkpoint(tmp_path / "deep").model
    for before, after in zip(written(shallow), written(deep), strict=True):
        torch.testing.assert_close(after, before, atol=0.02, rtol=0.02)  # it is stored in half precision
    with pytest.raises(CheckpointError, match="deeper trunk"):
        train.main([*options, str(tmp_path / "other"), "--preset", "shallow"])
