"""A checkpoint's tokenizer without its weights: the same as with them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agentfast.errors import CheckpointError
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.model.checkpoint.tokenizer import load_tokenizer


def test_it_is_the_one_that_the_checkpoint_is_loaded_with(random_checkpoint: Path) -> None:
    vocabulary, whole = (
        load_tokenizer(random_checkpoint).vocabulary,
        load_checkpoint(random_checkpoint).tokenizer.vocabulary,
    )
    assert vocabulary.tokens == whole.tokens
    assert vocabulary.special == whole.special
    assert vocabulary.eos_ids == whole.eos_ids


def test_it_needs_neither_weights_nor_torch(random_checkpoint: Path, tmp_path: Path) -> None:
    for file in random_checkpoint.glob("*.json"):
        shutil.copy(file, tmp_path)
    script = (
        "import sys\n"
        "from agentfast.runtime.model.checkpoint.tokenizer import load_tokenizer\n"
        f"load_tokenizer({str(tmp_path)!r})\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_tokenizer(tmp_path)
