"""The embedded model's tokenizer: byte-level BPE made for copying.

A space, a digit and a run of punctuation are always tokens of their own, so a word is split the same way wherever
it stands: after a space in the request, after a quote in the call. A few million parameters learn to copy such
values; they do not learn that " Ana" and "Ana" are one name.
"""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from agentfast.chat.json import SPECIAL_TOKENS

VOCABULARY_SIZE = 1536
_PIECES = r"\p{L}+|\p{N}| |[^\p{L}\p{N} ]+"


def train_tokenizer(texts: Iterable[str], vocab_size: int = VOCABULARY_SIZE) -> Tokenizer:
    """Train on texts; the special tokens take the first ids, `<pad>` is 0 and `<|end|>` is 1.

    Deterministic for the same texts in the same order.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
