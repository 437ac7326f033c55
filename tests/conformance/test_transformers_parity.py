"""DiffusionGemma checkpoints that transformers saved give the logits that transformers gives, in both modes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from tests.support import reference_checkpoints as tiny
from tests.support.dense_attention import DenseRunner

TOLERANCE = 1e-4
PROMPTS = [17, 3, 9]  # tokens; the window is 6


class Reference:
    """transformers on one row."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.cache = tiny.transformers.DynamicCache(config=model.config.get_text_config(decoder=True))

    def encode(self, tokens: list[int]) -> Tensor:
        """Logits [L, V]; the output layer is applied to the encoder's hidden states by hand."""
        out = self.model.model.encoder(input_ids=torch.tensor([tokens]), **tiny.cached(self.cache))
        return 30 * torch.tanh(self.model.lm_head(out.last_hidden_state[0]).float() / 30)

    def denoise(self, canvas: list[int], self_conditioning: Tensor | None) -> Tensor:
        """Logits [C, V], given those [C, V] of the last step."""
        out = self.model(
            decoder_input_ids=torch.tensor([canvas]),
            **tiny.cached(self.cache),
            self_conditioning_logits=None if self_conditioning is None else self_conditioning[None],
        )
        logits: Tensor = out.logits[0]
        return logits


@pytest.fixture(scope="module")
def reference() -> Any:
    """A model of transformers."""
    return tiny.diffusion_gemma(seed=1)


@pytest.fixture(scope="module")
def model(reference: Any, tmp_path_factory: pytest.TempPathFactory) -> BlockDiffusionModel:
    """The same, loaded from the checkpoint that transformers saved."""
    return load_checkpoint(tiny.save(reference, tmp_path_factory.mktemp("checkpoint"))).model


def assert_near(ours: Tensor, theirs: Tensor, tolerance: float = TOLERANCE) -> None:
    """Within the tolerance, of logits that are no constant."""
    assert theirs.std() > 1
    torch.testing.assert_close(ours, theirs, atol=tolerance, rtol=0)


def soft(model: BlockDiffusionModel, logits: Tensor) -> Tensor:
    """Self-conditioning from the last step's logits."""
    return model.soft_embeddings(logits.softmax(-1))


@torch.no_grad()
def test_several_canvases_in_a_row_give_the_same_logits(reference: Any, model: BlockDiffusionModel) -> None:
    theirs, ours = Reference(reference), DenseRunner(model)
    for block, length in enumerate([17, tiny.CANVAS, tiny.CANVAS]):  # a prompt, then committed canvases
        tokens = tiny.ids(length, seed=block)
        assert_near(ours.encode({0: tokens})[0], theirs.encode(tokens))
        last: Tensor | None = None
        for step in range(3):
            canvas = tiny.ids(tiny.CANVAS, seed=10 * block + step)
            given = None if last is None else {0: soft(model, last)}
            expected = theirs.denoise(canvas, last)
            assert_near(ours.denoise({0: canvas}, given)[0], expected)
            last = expected / 0.6


@torch.no_grad()
def test_rows_of_unequal_lengths_share_a_batch(reference: Any, model: BlockDiffusionModel) -> None:
    theirs, ours = [Reference(reference) for _ in PROMPTS], DenseRunner(model)
    prompts = {row: tiny.ids(length, seed=row) for row, length in enumerate(PROMPTS)}
    encoded = ours.encode(prompts)
    for row, prompt in prompts.items():
        assert_near(encoded[row], theirs[row].encode(prompt))
    canvases = {row: tiny.ids(tiny.CANVAS, seed=100 + row) for row in prompts}
    first = ours.denoise(canvases)
    expected = {row: theirs[row].denoise(canvases[row], None) for row in prompts}
    second = ours.denoise(canvases, {row: soft(model, expected[row]) for row in prompts})
    for row in prompts:
        assert_near(first[row], expected[row])
        assert_near(second[row], theirs[row].denoise(canvases[row], expected[row]))


@torch.no_grad()
def test_one_call_encodes_some_rows_and_denoises_others(reference: Any, model: BlockDiffusionModel) -> None:
    theirs, ours = [Reference(reference) for _ in range(3)], DenseRunner(model)
    prompts = {row: tiny.ids(5 + 7 * row, seed=row) for row in range(3)}
    for row, prompt in prompts.items():
        theirs[row].encode(prompt)
    ours.encode(prompts)
    more, canvas = (
        tiny.ids(4, seed=50),
        {1: tiny.ids(tiny.CANVAS, seed=51), 2: tiny.ids(tiny.CANVAS, seed=52)},
    )
    last = tiny.ids(tiny.CANVAS, seed=53)
    before = theirs[2].denoise(last, None)
    # Row 1 is at its first step, which zeros say; row 2 at its second.
    given = {1: torch.zeros(tiny.CANVAS, model.config.hidden_size), 2: soft(model, before)}
    mixed = ours.forward({0: more}, canvas, given)
    assert_near(mixed[0], theirs[0].encode(more))
    assert_near(mixed[1], theirs[1].denoise(canvas[1], None))
    assert_near(mixed[2], theirs[2].denoise(canvas[2], before))


@torch.no_grad()
def test_left_padded_batches_of_transformers_give_what_ragged_ones_give(
    reference: Any, model: BlockDiffusionModel
) -> None:
    prompts = {row: tiny.ids(length, seed=row) for row, length in enumerate(PROMPTS)}
    canvases = {row: tiny.ids(tiny.CANVAS, seed=60 + row) for row in prompts}
    longest = max(PROMPTS)
    padded = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts.values()])
    mask = torch.tensor([[0] * (longest - n) + [1] * n for n in PROMPTS])
    theirs = reference(
        input_ids=padded,
        attention_mask=mask,
        decoder_input_ids=torch.tensor(list(canvases.values())),
        decoder_attention_mask=torch.nn.functional.pad(mask, (0, tiny.CANVAS), value=1),
        **tiny.cached(tiny.transformers.DynamicCache(config=reference.config.get_text_config())),
    ).logits
    ours = DenseRunner(model)
    ours.encode(prompts)
    for row, logits in ours.denoise(canvases).items():
        assert_near(logits, theirs[row])


@torch.no_grad()
@pytest.mark.parametrize(
    "variant",
    [
        {"sliding_window": 64},
        {"num_experts": 3, "top_k_experts": 3},
        {"num_global_key_value_heads": None, "rms_norm_eps": 1e-3},
        {"layer_types": ["sliding_attention"] * 3 + ["full_attention"], "global_head_dim": 16},
        {
            "rope_parameters": {
                "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
                "full_attention": {
                    "rope_type": "proportional",
                    "rope_theta": 900.0,
                    "partial_rotary_factor": 0.5,
                },
            }
        },
    ],
    ids=str,
)
def test_other_shapes_of_the_architecture(variant: dict[str, Any], tmp_path: Path) -> None:
    reference = tiny.diffusion_gemma(seed=2, **variant)
    model = load_checkpoint(tiny.save(reference, tmp_path)).model
    theirs, ours = Reference(reference), DenseRunner(model)
    prompt, canvas = tiny.ids(11, seed=0), tiny.ids(tiny.CANVAS, seed=1)
    assert_near(ours.encode({0: prompt})[0], theirs.encode(prompt))
    expected = theirs.denoise(canvas, None)
    assert_near(ours.denoise({0: canvas})[0], expected)
    conditioned = ours.denoise({0: canvas}, {0: soft(model, expected)})[0]
    # Random self-conditioning enlarges rounding, and processors differ in the order of their sums.
    assert_near(conditioned, theirs.denoise(canvas, expected), 2 * TOLERANCE)
