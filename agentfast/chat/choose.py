"""The choice of a checkpoint's chat format by its tokenizer's special tokens."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from agentfast.chat import gemma4, json
from agentfast.chat.base import ChatFormat
from agentfast.errors import ConfigError

_EMPTY_THOUGHT = r"<|channel>thought\n<channel|>"
"""As a chat template writes it."""


def chat_format_of(folder: str | Path, special_tokens: Collection[str]) -> ChatFormat:
    """The chat format of a checkpoint directory.

    A Gemma 4 checkpoint whose `chat_template.jinja` has no empty thought gets none; without that file it gets one.

    Raises:
        ConfigError: the special tokens are those of no format here.
    """
    if set(gemma4.SPECIAL_TOKENS) <= set(special_tokens):
        template = Path(folder) / "chat_template.jinja"
        known = template.read_text(encoding="utf-8") if template.is_file() else _EMPTY_THOUGHT
        return gemma4.Gemma4Chat(empty_thought=_EMPTY_THOUGHT in known)
    if set(json.SPECIAL_TOKENS) <= set(special_tokens):
        return json.JsonChat()
    raise ConfigError(
        f"the tokenizer of {folder} has the special tokens of no known chat format",
        hint="pass the model's format as chat=",
    )
