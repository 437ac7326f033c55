"""The checkpoint's tokenizer, which is read beside vLLM, and its grammars."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.requests.compiled import Grammars

_FAILURE: Final = "<pad>"


def grammars_of(model_config: Any) -> Grammars:
    """The grammars of the model that vLLM serves, the same ones for all calls in a process.

    Raises:
        ConfigError: vLLM was given another tokenizer than the checkpoint's.
        CheckpointError: a file of the checkpoint is missing or malformed.
    """
    if model_config.tokenizer not in (None, model_config.model):
        raise ConfigError(
            f"--tokenizer is {model_config.tokenizer!r}: grammars are compiled to the checkpoint's own",
            hint="leave --tokenizer out",
        )
    return _grammars(model_config.model, model_config.revision)


def failure_token(grammars: Grammars) -> int:
    """The token that a failed row emits, which no grammar and no text has.

    Raises:
        ConfigError: there is none.
    """
    return grammars.tokenizer.special(_FAILURE)


@cache
def _grammars(model: str, revision: str | None) -> Grammars:
    directory = Path(model)
    if not directory.is_dir():
        from huggingface_hub import snapshot_download  # vLLM requires it

        directory = Path(snapshot_download(model, revision=revision, allow_patterns=["*.json"]))
    return Grammars.from_checkpoint(directory)
