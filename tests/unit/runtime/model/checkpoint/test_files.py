"""A checkpoint's tokenizer is its own tokenizer.json, or a file that it shares with others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentfast.errors import CheckpointError
from agentfast.runtime.core.config import EXTENSIONS
from agentfast.runtime.model.checkpoint.files import TOKENIZER_FILE, drop_shared_tokenizer, tokenizer_file
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from agentfast.runtime.model.config import Kind
from tests.support.checkpoints import EOS, rough_model, save_rough_model


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A checkpoint directory whose tokenizer lies beside it."""
    directory = tmp_path / "checkpoint"
    save_rough_model(directory)
    (directory / TOKENIZER_FILE).rename(tmp_path / "shared.json")
    name(directory, "../shared.json")
    return directory


def name(directory: Path, tokenizer: object) -> None:
    (directory / EXTENSIONS).write_text(json.dumps({"tokenizer": tokenizer, "verify": 0.1}))


def test_a_checkpoint_reads_the_tokenizer_that_it_names(shared: Path) -> None:
    assert tokenizer_file(shared).samefile(shared.parent / "shared.json")
    loaded = load_checkpoint(shared)
    assert loaded.tokenizer.vocabulary.size == loaded.model.config.vocab_size
    assert loaded.generation.verify == 0.1


@pytest.mark.parametrize("tokenizer", ["../nothing.json", "..", 3, ["shared.json"], "/tmp/shared.json"])
def test_a_named_tokenizer_that_is_no_file_is_refused_by_name(tokenizer: object, shared: Path) -> None:
    (shared / TOKENIZER_FILE).write_bytes((shared.parent / "shared.json").read_bytes())
    name(shared, tokenizer)
    with pytest.raises(CheckpointError, match=EXTENSIONS.replace(".", r"\.")):
        load_checkpoint(shared)


def test_a_checkpoint_without_any_tokenizer_is_refused(shared: Path) -> None:
    drop_shared_tokenizer(shared)
    with pytest.raises(CheckpointError, match=r"has no tokenizer\.json"):
        load_checkpoint(shared)
    assert json.loads((shared / EXTENSIONS).read_text()) == {"verify": 0.1}


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
def test_a_saved_checkpoint_has_its_own_tokenizer_again(kind: Kind, shared: Path) -> None:
    model = rough_model(kind)
    save_checkpoint(model, shared, tokenizer=tokenizer_file(shared), eos_ids=[EOS])
    (shared.parent / "shared.json").unlink()
    assert tokenizer_file(shared) == shared / TOKENIZER_FILE
    load_checkpoint(shared)
