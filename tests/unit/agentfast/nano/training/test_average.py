"""The mean of checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch

from agentfast.errors import CheckpointError
from agentfast.nano.training.average import average, main
from agentfast.runtime.model.checkpoint.files import tokenizer_file


def checkpoint(folder: Path, *, scale: float, rows: int = 2) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(f'{{"scale": {scale}}}')
    (folder / "agentfast.json").write_text('{"tokenizer": "../tokenizer.json"}')
    (folder.parent / "tokenizer.json").write_text("shared")
    weights = {"a": torch.full((rows, 3), scale, dtype=torch.float16), "b": torch.arange(4.0) * scale}
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_the_mean_is_that_of_each_number_and_the_rest_is_the_first_ones(tmp_path: Path) -> None:
    paths = [checkpoint(tmp_path / f"{scale}", scale=scale) for scale in (1.0, 2.0, 6.0)]
    main([*map(str, paths), "--out", str(tmp_path / "mean")])
    found = safetensors.torch.load_file(tmp_path / "mean" / "model.safetensors")
    assert found["a"].dtype == torch.float16
    torch.testing.assert_close(found["a"], torch.full((2, 3), 3.0, dtype=torch.float16))
    torch.testing.assert_close(found["b"], torch.arange(4.0) * 3)
    assert (tmp_path / "mean" / "config.json").read_text() == '{"scale": 1.0}'


def test_the_mean_has_a_tokenizer_of_its_own(tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "mean"
    average([checkpoint(tmp_path / "only", scale=1.0)], out)
    assert tokenizer_file(out) == out / "tokenizer.json"
    assert tokenizer_file(out).read_text() == "shared"


def test_checkpoints_that_do_not_fit_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    first = checkpoint(tmp_path / "first", scale=1.0)
    other = checkpoint(tmp_path / "other", scale=1.0, rows=5)
    with pytest.raises(CheckpointError, match="other tensors"):
        average([first, other], tmp_path / "mean")
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        average([first, tmp_path / "nothing"], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
