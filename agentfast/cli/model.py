"""The model of a command: the embedded one, or a checkpoint directory."""

from __future__ import annotations

from agentfast import nano
from agentfast.models.local.model import LocalModel
from agentfast.runtime.core.vocabulary import Vocabulary


def open_model(path: str | None) -> LocalModel:
    """The model in a checkpoint directory, which has to speak the JSON chat format; None: the embedded one.

    Raises:
        CheckpointError: there is no such checkpoint, or it cannot be loaded.
    """
    return nano.load() if path is None else LocalModel.from_checkpoint(path)


def open_vocabulary(path: str | None) -> Vocabulary:
    """The vocabulary of that model."""
    return open_model(path).engine.tokenizer.vocabulary
