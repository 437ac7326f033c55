"""The local model of a command: the embedded one, or a checkpoint directory. torch loads when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentfast import nano
from agentfast.errors import ConfigError

if TYPE_CHECKING:
    from agentfast.models.local.model import LocalModel
    from agentfast.runtime.core.vocabulary import Vocabulary


def open_model(path: str | None, *, device: str | None = None, dtype: str | None = None) -> LocalModel:
    """The model in a checkpoint directory; None: the embedded one.

    Args:
        device: None: "cpu".
        dtype: of a checkpoint's weights; None: "float32".

    Raises:
        ConfigError: this machine has no such device.
        CheckpointError: the checkpoint cannot be loaded.
    """
    device = device or "cpu"
    check_device(device)
    if path is None:
        return nano.load(device=device)
    from agentfast.models.local.model import LocalModel

    return LocalModel.from_checkpoint(path, device=device, dtype=dtype or "float32")


def check_device(device: str) -> None:
    """Check that torch finds the device, before weights are read for it.

    Raises:
        ConfigError: it does not.
    """
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise ConfigError(f"--device {device}: this machine has no such device: {reason}") from error


def open_vocabulary(path: str | None) -> Vocabulary:
    """The vocabulary of that model, without its weights.

    Raises:
        CheckpointError: the checkpoint's tokenizer or configuration cannot be read.
    """
    from agentfast.runtime.model.checkpoint.tokenizer import load_tokenizer

    return load_tokenizer(path or nano.WEIGHTS).vocabulary
