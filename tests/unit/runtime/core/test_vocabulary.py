"""Vocabularies of both kinds of tokenizer, and texts that cannot forge special tokens."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from agentfast.errors import ConfigError
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.core.vocabulary import Vocabulary

SAMPLES = ["", "hello world", "naïve 漢字 😀\n\t", "<|call|>{}<|end|>", "\x00\x7f\u2028"]


def byte_level() -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|end|>", "<|call|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["hello world " * 20, "naïve"], trainer)
    return backend


def sentencepiece() -> tokenizers.Tokenizer:
    vocabulary = {"<eos>": 0, **{f"<0x{b:02X}>": b + 1 for b in range(256)}, "▁": 257, "a": 258, "▁a": 259}
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, [("▁", "a")], byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.add_special_tokens(["<eos>"])
    return backend


@pytest.mark.parametrize("text", SAMPLES)
def test_byte_level_text_comes_back_as_it_was(text: str) -> None:
    tokenizer = Tokenizer(byte_level(), [0])
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("text", SAMPLES)
def test_sentencepiece_text_comes_back_as_it_was(text: str) -> None:
    tokenizer = Tokenizer(sentencepiece(), [0])
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_special_token_written_in_text_stays_text() -> None:
    tokenizer = Tokenizer(byte_level(), [0])
    ids = tokenizer.encode("a<|call|>b<|end|>")
    assert not set(ids) & set(tokenizer.vocabulary.special.values())
    assert tokenizer.decode(ids) == "a<|call|>b<|end|>"


def test_special_tokens_are_skipped_or_shown_by_name() -> None:
    tokenizer = Tokenizer(byte_level(), [0])
    ids = [tokenizer.special("<|call|>"), *tokenizer.encode("x"), tokenizer.special("<|end|>")]
    assert tokenizer.decode(ids) == "x"
    assert tokenizer.decode(ids, skip_special=False) == "<|call|>x<|end|>"


def test_an_unknown_special_token_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no special token '<\|tool\|>'.*<\|call\|>"):
        Tokenizer(byte_level(), [0]).special("<|tool|>")


def test_lone_surrogates_are_replaced() -> None:
    tokenizer = Tokenizer(byte_level(), [0])
    assert tokenizer.decode(tokenizer.encode("a\ud800b")) == "a\ufffdb"


def test_bytes_of_tokens_are_what_the_tokenizer_means() -> None:
    vocabulary = Vocabulary.from_tokenizer(sentencepiece(), [0], size=300)
    assert vocabulary.tokens[11] == b"\n"
    assert vocabulary.tokens[259] == b" a"
    assert vocabulary.tokens[0] is None
    assert vocabulary.tokens[299] is None
    assert vocabulary.size == 300


def test_equal_vocabularies_are_one_key(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    byte_level().save(str(path))
    first = Tokenizer.from_file(path, [0]).vocabulary
    second = Tokenizer.from_file(path, [0]).vocabulary
    assert first == second
    assert len({first, second, pickle.loads(pickle.dumps(first))}) == 1
    assert first != Tokenizer.from_file(path, [1]).vocabulary


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the tokenizer"):
        Tokenizer.from_file(tmp_path / "none.json", [0])


def test_ids_beyond_the_size_are_refused() -> None:
    with pytest.raises(ConfigError, match="but the vocabulary holds 100 ids"):
        Vocabulary.from_tokenizer(sentencepiece(), [0], size=100)


def test_an_end_token_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"eos ids \[999\]"):
        Vocabulary.from_tokenizer(sentencepiece(), [999])


def test_empty_tokens_and_text_tokens_as_specials_are_refused() -> None:
    with pytest.raises(ConfigError, match="no bytes"):
        Vocabulary((b"", None), {"<eos>": 1}, frozenset({1}))
    with pytest.raises(ConfigError, match="text token"):
        Vocabulary((b"a", None), {"<eos>": 0}, frozenset({0}))
