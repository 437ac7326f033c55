"""A tokenizer whose tokens are the 256 bytes and special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from agentfast.runtime.core.tokenizer import Tokenizer


def byte_backend(*, first: Sequence[str] = (), last: Sequence[str] = ()) -> tokenizers.Tokenizer:
    """Special tokens, the bytes, special tokens, with ids in this order."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate([*first, *alphabet])}
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([*first, *last])
    return backend


@cache
def byte_tokenizer(special: tuple[str, ...] = ("<eos>",), ends: tuple[str, ...] | None = None) -> Tokenizer:
    """The bytes, then special tokens.

    Args:
        ends: those that end a text; None: all.
    """
    backend = byte_backend(last=special)
    ids = [backend.token_to_id(end) for end in (special if ends is None else ends)]
    return Tokenizer(backend, [index for index in ids if index is not None])
