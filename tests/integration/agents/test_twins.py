"""The embedded model and its autoregressive twin: alike but for how they decode."""

from __future__ import annotations

import dataclasses

import pytest

from agentfast import nano
from agentfast.nano import Decoder
from agentfast.nano.training.evaluation.evaluate import KINDS, evaluate
from agentfast.runtime.model.checkpoint.files import tokenizer_file
from agentfast.runtime.model.checkpoint.load import load_checkpoint


def test_the_twins_have_one_tokenizer_and_one_architecture() -> None:
    folders = nano.WEIGHTS, nano.TWIN_WEIGHTS
    first, second = (load_checkpoint(folder).model.config for folder in folders)
    assert first.kind == "diffusion"
    assert second.kind == "autoregressive"
    assert dataclasses.replace(first, kind=second.kind, canvas_length=second.canvas_length) == second
    mine, twins = map(tokenizer_file, folders)
    assert mine.samefile(twins)
    assert not any((folder / "tokenizer.json").exists() for folder in folders)


@pytest.mark.parametrize("decoder", ["diffusion", "autoregressive"])
async def test_a_twin_solves_held_out_tasks_without_an_invalid_call(decoder: Decoder) -> None:
    async with nano.load(decoder) as model:
        result = await evaluate(model, 3, agents=15)
    assert result.invalid_calls == 0
    assert result.success.keys() == {*KINDS, "mean"}
    assert result.success["mean"] >= 0.4
