"""Text to token ids and back, with special tokens that no text can forge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import tokenizers

from agentfast.errors import ConfigError
from agentfast.runtime.core.vocabulary import Vocabulary


class Tokenizer:
    """A Hugging Face `tokenizers.Tokenizer` whose special tokens come from `special()` only.

    `encode` reads "<|call|>" in a user's text as seven ordinary characters or so, never as the special token, so a
    document cannot open a tool call or end a turn.
    """

    def __init__(
        self, backend: tokenizers.Tokenizer, eos_ids: Iterable[int], vocabulary_size: int | None = None
    ) -> None:
        """Take over `backend`: its setting `encode_special_tokens` is switched on.

        Raises:
            ConfigError: see `Vocabulary.from_tokenizer`.
        """
        backend.encode_special_tokens = True
        self._backend = backend
        self.vocabulary = Vocabulary.from_tokenizer(backend, eos_ids, vocabulary_size)
        self._never_text = frozenset(self.vocabulary.special.values())
        self._names = {index: name for name, index in self.vocabulary.special.items()}

    @classmethod
    def from_file(
        cls, path: str | Path, eos_ids: Iterable[int], vocabulary_size: int | None = None
    ) -> Tokenizer:
        """Read a tokenizer.json file.

        Raises:
            ConfigError: there is no such file, it is not a tokenizer, or see `Vocabulary.from_tokenizer`.
        """
        try:
            backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise ConfigError(f"cannot read the tokenizer {path}: {error}") from error
        return cls(backend, eos_ids, vocabulary_size)

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text; no special token is added or recognised.

        Lone surrogates, which UTF-8 cannot carry, become U+FFFD.
        """
        return self._encode(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    def _encode(self, text: str) -> list[int]:
        ids = list(self._backend.encode(text, add_special_tokens=False).ids)
        if self._never_text.isdisjoint(ids):
            return ids
        # A vocabulary that looks words up whole (ignore_merges) can hit a special token's entry: split the word.
        if len(text) == 1:
            raise ConfigError(f"the tokenizer can write {text!r} only as a special token")
        middle = len(text) // 2
        return self._encode(text[:middle]) + self._encode(text[middle:])

    def special(self, name: str) -> int:
        """Id of a special token.

        Raises:
            ConfigError: there is no special token of that name.
        """
        try:
            return self.vocabulary.special[name]
        except KeyError:
            known = ", ".join(sorted(self.vocabulary.special))
            raise ConfigError(f"no special token {name!r}; there are: {known}") from None

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes that text tokens stand for; special tokens are skipped."""
        tokens = self.vocabulary.tokens
        return b"".join(tokens[index] or b"" for index in ids)

    def decode(self, ids: Iterable[int], skip_special: bool = True) -> str:
        """Text of token ids; bytes that are not UTF-8 become U+FFFD. Special tokens show by name if not skipped."""
        if skip_special:
            return self.decode_bytes(ids).decode("utf-8", "replace")
        tokens = self.vocabulary.tokens
        parts = [tokens[index] or self._names.get(index, "").encode() for index in ids]
        return b"".join(parts).decode("utf-8", "replace")
