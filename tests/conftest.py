"""What every test shares: one thread per process, hypothesis profiles, a checkpoint with random weights.

Hypothesis runs few examples by default, the same ones every time, so that the suite takes minutes and tells of the
change under test alone; `HYPOTHESIS_PROFILE=thorough pytest` searches longer, and elsewhere each time.
"""

from __future__ import annotations

import os

# The models of the tests are small: one thread is faster than several, and leaves the other cores alone. It has to be
# set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["AGENTFAST_CACHE"] = ""  # tests compile for themselves, and leave nothing behind

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
    """Training in this thread has them taken for zeros, which would hold for the tests after it: hypothesis minds."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def random_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint directory of a tiny model with random weights that speaks the JSON chat format."""
    # Here, because most tests need no torch.
    from agentfast.nano.training.tokenizer import train_tokenizer
    from agentfast.runtime.core.config import GenerationDefaults
    from agentfast.runtime.model.checkpoint.save import save_checkpoint
    from tests.support.tiny_engine import tiny_model

    folder = tmp_path_factory.mktemp("random_checkpoint")
    tokenizer = train_tokenizer(["You run the order desk.", "find_order(id:int)"] * 4, vocab_size=320)
    tokenizer.save(str(folder / "tokenizer.json"))
    save_checkpoint(
        tiny_model(tokenizer.get_vocab_size()),
        folder,
        tokenizer=folder / "tokenizer.json",
        eos_ids=[1],
        generation=GenerationDefaults(max_denoising_steps=2),
    )
    return folder


@pytest.fixture(scope="session")
def random_twin(random_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An autoregressive checkpoint with the random weights and the tokenizer of the diffusion one."""
    from dataclasses import replace

    from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
    from agentfast.runtime.model.checkpoint.load import load_checkpoint
    from agentfast.runtime.model.checkpoint.save import save_checkpoint

    model = load_checkpoint(random_checkpoint).model
    twin = BlockDiffusionModel(replace(model.config, kind="autoregressive"))
    twin.load_state_dict({name: model.state_dict()[name] for name in twin.state_dict()})
    folder = tmp_path_factory.mktemp("random_twin")
    save_checkpoint(twin, folder, tokenizer=random_checkpoint / "tokenizer.json", eos_ids=[1])
    return folder
