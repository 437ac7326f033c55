"""The vocabulary: a model's tokens as byte strings, its special tokens and its end tokens."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentfast.errors import ConfigError

if TYPE_CHECKING:
    import tokenizers

_BYTE_FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """An immutable vocabulary; two of the same content are equal and hash alike.

    Attributes:
        tokens: the byte string of each id. None is a token that is never text: a special token or an unused id.
        special: the special tokens by name, e.g. "<|call|>" -> id.
        eos_ids: the special tokens that end a turn.
        digest: SHA-256 of the content, a key for caches.
    """

    tokens: tuple[bytes | None, ...]
    special: Mapping[str, int]
    eos_ids: frozenset[int]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        if any(token == b"" for token in self.tokens):
            raise ConfigError(
                "a text token of no bytes is not allowed: a grammar could not make progress with it"
            )
        for name, index in self.special.items():
            if not 0 <= index < self.size or self.tokens[index] is not None:
                raise ConfigError(
                    f"special token {name!r} has id {index}, which is out of range or a text token"
                )
        if not self.eos_ids or not self.eos_ids <= set(self.special.values()):
            raise ConfigError(f"eos ids {sorted(self.eos_ids)} must be one or more of the special tokens")
        object.__setattr__(self, "special", MappingProxyType(dict(self.special)))
        object.__setattr__(self, "digest", _digest(self.tokens, self.special, self.eos_ids))

    @property
    def size(self) -> int:
        """Number of ids, V."""
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return Vocabulary, (self.tokens, dict(self.special), self.eos_ids)

    @classmethod
    def from_tokenizer(
        cls, tokenizer: tokenizers.Tokenizer, eos_ids: Iterable[int], size: int | None = None
    ) -> Vocabulary:
        """Read a byte-level BPE tokenizer, or a sentencepiece-style one ("▁" is a space, "<0x0A>" is a byte).

        Args:
            eos_ids: ids that end a turn; they are special whatever the tokenizer says of them.
            size: the model's vocabulary size, if it has more ids than the tokenizer; the rest is unused.

        Raises:
            ConfigError: an id lies beyond `size`, or an eos id does not exist.
        """
        eos = frozenset(eos_ids)
        names = {index: name for name, index in tokenizer.get_vocab(with_added_tokens=True).items()}
        added = tokenizer.get_added_tokens_decoder()
        length = max(names, default=-1) + 1 if size is None else size
        if names and max(names) >= length:
            raise ConfigError(f"the tokenizer has id {max(names)} but the vocabulary holds {length} ids")
        if not eos <= names.keys():
            raise ConfigError(f"eos ids {sorted(eos - names.keys())} are not in the tokenizer")
        to_bytes = _byte_level_token if _is_byte_level(tokenizer) else _sentencepiece_token
        tokens: list[bytes | None] = [None] * length
        special: dict[str, int] = {}
        for index, name in names.items():
            if index in eos or (index in added and added[index].special):
                special[name] = index
            else:
                text = name.encode() if index in added else to_bytes(name)
                tokens[index] = text or None
        return cls(tuple(tokens), special, eos)

    @classmethod
    def byte_level(cls, special: Sequence[str] = ("<eos>",)) -> Vocabulary:
        """256 one-byte tokens, then the special tokens; the first special token ends a turn. For tests."""
        names = {name: 256 + i for i, name in enumerate(special)}
        tokens = tuple(bytes([b]) for b in range(256)) + (None,) * len(names)
        return cls(tokens, names, frozenset({256}))


def _digest(tokens: tuple[bytes | None, ...], special: Mapping[str, int], eos_ids: frozenset[int]) -> str:
    sha = hashlib.sha256()
    lengths = ",".join("-" if token is None else str(len(token)) for token in tokens)
    sha.update(lengths.encode())
    sha.update(b"".join(token for token in tokens if token is not None))
    sha.update(json.dumps([sorted(special.items()), sorted(eos_ids)]).encode())
    return sha.hexdigest()


def _is_byte_level(tokenizer: tokenizers.Tokenizer) -> bool:
    parts = (tokenizer.pre_tokenizer, tokenizer.decoder)
    return any(part is not None and b'"ByteLevel"' in part.__getstate__() for part in parts)


@cache
def _byte_of_char() -> dict[str, int]:
    """GPT-2's printable stand-ins: printable Latin-1 bytes stand for themselves, the others follow from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    table = {chr(b): b for b in printable}
    table.update({chr(0x100 + i): b for i, b in enumerate(others)})
    return table


def _byte_level_token(name: str) -> bytes:
    table = _byte_of_char()
    return bytes(table[c] for c in name) if all(c in table for c in name) else name.encode()


def _sentencepiece_token(name: str) -> bytes:
    match = _BYTE_FALLBACK.fullmatch(name)
    return bytes([int(match[1], 16)]) if match else name.replace("▁", " ").encode()
