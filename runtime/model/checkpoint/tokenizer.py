"""The tokenizer of a checkpoint directory, read without weights and without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from agentfast.errors import CheckpointError, ConfigError
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.model.checkpoint.files import read_json, tokenizer_file
from agentfast.runtime.model.checkpoint.hf_config import read_config


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer, which ends a turn as the checkpoint's configuration says.

    Raises:
        CheckpointError: a file is missing, malformed or of another architecture.
    """
    directory = Path(path)
    raw = read_json(directory / "config.json")
    raw_generation = read_json(directory / "generation_config.json", optional=True)
    try:
        return Tokenizer.from_file(
            tokenizer_file(directory), eos_ids(raw, raw_generation), read_config(raw).vocab_size
        )
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{directory}: {error}") from error


def eos_ids(config: Mapping[str, Any], generation: Mapping[str, Any]) -> list[int]:
    """Ids that end a turn. generation_config.json has the first word, as in transformers.

    Raises:
        CheckpointError: neither names any.
    """
    text: Mapping[str, Any] = config.get("text_config") or {}
    for source in (generation, config, text):
        given: object = source.get("eos_token_id")
        ids = cast("list[object]", given if isinstance(given, list) else [given])
        if ids and all(isinstance(index, int) for index in ids):
            return cast("list[int]", ids)
    raise CheckpointError("neither generation_config.json nor config.json names an eos_token_id")
