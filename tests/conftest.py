"""Shared by all tests: one thread per process, hypothesis profiles, checkpoints with random weights.

Hypothesis runs few examples by default, the same ones every time, so that the suite takes minutes and tells of the
change under test alone; `HYPOTHESIS_PROFILE=thorough pytest` searches longer, and elsewhere each time.
"""

from __future__ import annotations

import os

# The models of the tests are small: one thread is faster than several, and leaves the other cores alone. It has to be
# set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["AGENTFAST_CACHE"] = ""  # tests compile grammars for themselves, and leave nothing behind
# Triton's kernels run in its interpreter, on tensors in host memory; it has to be set before anything imports Triton.
os.environ.setdefault("TRITON_INTERPRET", "1")
os.environ["AGENTFAST_COLD_START"] = "quiet"  # results of two backends differ by rounding

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick",
    max_examples=25,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile(
    "thorough",
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Undo the flush to zero that training leaves on in this thread: hypothesis minds it."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint directory of a tiny model with random weights that speaks the JSON chat format."""
    # Here, because most tests need no torch.
    from agentfast.nano.training.tokenizer import train_tokenizer
    from agentfast.runtime.core.config import GenerationDefaults
    from agentfast.runtime.model.checkpoint.save import save_checkpoint
    from tests.support.tiny_model import tiny_model

    folder = tmp_path_factory.mktemp("random_checkpoint")
    tokenizer = train_tokenizer(["You run the order desk.", "find_order(id:int)"] * 4, vocab_size=320)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_checkpoint(
        tiny_model(vocab_size=tokenizer.get_vocab_size(), layers=("sliding", "full"), max_position=4096),
        folder,
        tokenizer=folder / "tokenizer.json",
        eos_ids=[1],
        generation=GenerationDefaults(max_denoising_steps=2),
    )
    return folder


@pytest.fixture(scope="session")
def random_twin(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An autoregressive checkpoint with the random weights and the tokenizer of the diffusion one."""
    from agentfast.runtime.model.checkpoint.load import load_checkpoint
    from agentfast.runtime.model.checkpoint.save import save_checkpoint
    from tests.support.tiny_model import twin_of

    model = load_checkpoint(random_checkpoint).model
    twin = twin_of(model, kind="autoregressive")
    folder = tmp_path_factory.mktemp("random_twin")
    save_checkpoint(twin, folder, tokenizer=random_checkpoint / "tokenizer.json", eos_ids=[1])
    return folder
