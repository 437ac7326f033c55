"""A checkpoint with checksums is compared with them before anything of it is used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agentfast import nano
from agentfast.errors import CheckpointError
from agentfast.runtime.model.checkpoint.checksums import CHECKSUMS, verify_checksums, write_checksums
from agentfast.runtime.model.checkpoint.files import TOKENIZER_FILE
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from tests.support.checkpoints import EOS, rough_model, save_rough_model

WEIGHTS = ["model.safetensors", "config.json", "generation_config.json", "agentfast.json", "tokenizer.json"]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    directory = tmp_path / "checkpoint"
    save_rough_model(directory)
    write_checksums(directory)
    return directory


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_file_with_a_flipped_bit_is_named(name: str, saved: Path) -> None:
    load_checkpoint(saved)
    flip(saved / name)
    with pytest.raises(CheckpointError, match=rf"{name} is damaged or was changed.*reinstall"):
        load_checkpoint(saved)


def test_a_listed_file_that_is_missing_is_named(saved: Path) -> None:
    (saved / "generation_config.json").unlink()
    with pytest.raises(CheckpointError, match=f"generation_config.json, which {CHECKSUMS} lists"):
        load_checkpoint(saved)


@pytest.mark.parametrize("content", ["model.safetensors\n", "\n", "abc  model.safetensors\n"])
def test_malformed_checksums_are_refused(content: str, saved: Path) -> None:
    (saved / CHECKSUMS).write_text(content)
    with pytest.raises(CheckpointError, match=f"{CHECKSUMS}, line 1, is not a checksum"):
        load_checkpoint(saved)


def test_a_checkpoint_without_checksums_is_not_compared(saved: Path) -> None:
    (saved / CHECKSUMS).unlink()
    flip(saved / "model.safetensors")
    load_checkpoint(saved)


def test_saving_again_removes_the_checksums_of_the_old_files(saved: Path) -> None:
    save_checkpoint(rough_model(seed=1), saved, tokenizer=saved / TOKENIZER_FILE, eos_ids=[EOS])
    assert not (saved / CHECKSUMS).exists()
    load_checkpoint(saved)


@pytest.mark.parametrize("weights", [nano.WEIGHTS, nano.TWIN_WEIGHTS], ids=["diffusion", "autoregressive"])
def test_the_embedded_model_has_checksums_of_all_its_files(weights: Path, tmp_path: Path) -> None:
    verify_checksums(weights)
    copied = tmp_path / "weights"
    shutil.copytree(weights.parent, copied)
    before = (copied / weights.name / CHECKSUMS).read_text()
    write_checksums(copied / weights.name)
    assert (copied / weights.name / CHECKSUMS).read_text() == before
    flip(copied / "tokenizer.json")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is damaged"):
        load_checkpoint(copied / weights.name)
