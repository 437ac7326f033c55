"""Compiling once: in memory, on disk, between processes; and what is refused for its size."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar import compile as compilation
from agentfast.runtime.grammar.store import GRAMMARS
from agentfast.runtime.grammar.tokens import trie
from agentfast.runtime.grammar.tokens.disk_cache import DiskCache, default_folder
from agentfast.runtime.grammar.tokens.lifting import explore, lift
from agentfast.runtime.grammar.tokens.lifting import string_lift as inside
from bench.grammar.bounds import BOUNDED, REFUSED

BYTES = Vocabulary.byte_level()
GRAMMAR = compile_schema({"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}})
ARRAYS = {"numbers": np.arange(6, dtype=np.int32).reshape(2, 3), "truth": np.array([True, False])}


@pytest.fixture(autouse=True)
def everything_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(compilation, "WORTH_KEEPING", 0.0)
    GRAMMARS.forget()
    yield
    GRAMMARS.forget()


def contents(grammar: TokenGrammar) -> dict[str, Any]:
    return {name: array.tolist() for name, array in compilation.to_arrays(grammar).items()}


def test_what_was_compiled_is_read_back_the_same(tmp_path: Path) -> None:
    first = GRAMMAR.compile(BYTES, tmp_path)
    assert GRAMMAR.compile(BYTES, tmp_path) is first
    GRAMMARS.forget()
    second = GRAMMAR.compile(BYTES, tmp_path)
    assert second is not first
    assert contents(second) == contents(first)
    assert second.advance(second.start, ord("{")) == first.advance(first.start, ord("{")) > 0


def test_a_string_body_that_is_lifted_anew_each_time_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when another thread does so too, or a grammar has more of them than are remembered."""
    grammar = compile_schema(
        {
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": 4},
                "b": {"type": "string", "maxLength": 4},
                "c": {"type": "string", "pattern": "^[a-z]*é$", "maxLength": 9},
            },
            "required": ["a", "b", "c"],
        }
    )
    remembered = contents(grammar.compile(BYTES, ""))
    GRAMMARS.forget()
    monkeypatch.setattr(lift, "lift_string", inside.lift_string.__wrapped__)
    assert contents(grammar.compile(BYTES, "")) == remembered


def test_grammars_and_vocabularies_have_files_of_their_own(tmp_path: Path) -> None:
    other = Vocabulary.byte_level(("<eos>", "<|call|>"))
    for grammar in (GRAMMAR, Grammar.literal("a")):
        for vocabulary in (BYTES, other):
            grammar.compile(vocabulary, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4


def test_what_compiles_at_once_is_not_worth_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilation, "WORTH_KEEPING", 60.0)
    GRAMMAR.compile(BYTES, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "foreign", "other key"])
def test_a_damaged_or_foreign_file_is_a_warning_and_is_written_anew(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = contents(GRAMMAR.compile(BYTES, tmp_path))
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    if damage == "other key":
        Grammar.literal("a").compile(BYTES, tmp_path)
        (other,) = set(tmp_path.iterdir()) - {file}
        file.write_bytes(other.read_bytes())
    else:
        flipped = good[:-1] + bytes([good[-1] ^ 1])
        file.write_bytes(
            {"empty": b"", "truncated": good[:-9], "flipped": flipped, "foreign": b"\x80\x04N."}[damage]
        )
    GRAMMARS.forget()
    with caplog.at_level(logging.WARNING, logger="agentfast"):
        assert contents(GRAMMAR.compile(BYTES, tmp_path)) == whole
    assert "damaged or foreign" in caplog.text
    assert file.read_bytes() == good


def test_a_folder_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with caplog.at_level(logging.WARNING, logger="agentfast"):
        GRAMMAR.compile(BYTES, tmp_path / "file")
    assert "cannot" in caplog.text


def test_the_files_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    for age, name in enumerate(["c", "b", "a"]):
        cache.store(ARRAYS, name)
        (newest,) = (file for file in tmp_path.iterdir() if file.stat().st_mtime > 1e6)
        os.utime(newest, (1000 - age, 1000 - age))
    cache.load("a")  # the oldest, used just now
    size = next(iter(tmp_path.iterdir())).stat().st_size
    DiskCache(tmp_path, limit=3 * size).store(ARRAYS, "d")
    assert [cache.load(name) is not None for name in "abcd"] == [True, False, True, True]


def test_what_is_loaded_is_what_was_stored(tmp_path: Path) -> None:
    DiskCache(tmp_path).store(ARRAYS, "key", b"part")
    found = DiskCache(tmp_path).load("key", b"part")
    assert found is not None
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in ARRAYS.items()
    }
    assert DiskCache(tmp_path).load("keyp", b"art") is None


def test_writers_and_readers_do_not_disturb_each_other(tmp_path: Path) -> None:
    limit = 3000  # a few files: some are dropped while others read them

    def work(seed: int) -> bool:
        cache = DiskCache(tmp_path, limit=limit)
        for k in range(20):
            name = str((seed + k) % 7)
            cache.store({"x": np.full(50, int(name), np.int64)}, name)
            found = cache.load(name)
            if found is not None and set(found["x"].tolist()) != {int(name)}:
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGENTFAST_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    GRAMMAR.compile(BYTES)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setenv("AGENTFAST_CACHE", "")
    assert default_folder() is None
    monkeypatch.delenv("AGENTFAST_CACHE")
    assert default_folder() is not None


def test_the_trie_of_a_large_vocabulary_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trie, "_LARGE", 0)
    vocabulary = Vocabulary((b"a", b"ab", b"a", None), {"<eos>": 3}, frozenset({3}))
    built = trie.trie_of(vocabulary, DiskCache(tmp_path))
    monkeypatch.setattr(trie, "_known", type(trie._known)())  # pyright: ignore[reportPrivateUsage]
    read = trie.trie_of(vocabulary, DiskCache(tmp_path))
    assert read is not built
    assert read.node_of_token.tolist() == built.node_of_token.tolist() == [1, 2, 1, 3]
    assert read.token_of_node.tolist() == [-1, 0, 1, 3]
    assert read.next_token.tolist() == [2, -1, -1, -1]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "tools" in name else ()) for name in BOUNDED]
)
def test_large_schemas_compile_within_the_budget_of_states(name: str) -> None:
    grammar = compile_schema(BOUNDED[name]).compile(BYTES)
    assert grammar.state_count <= compilation.MAX_STATES
    assert len(grammar.edge_target) <= explore.MAX_EDGES


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "fields" in name else ()) for name in REFUSED]
)
def test_larger_ones_are_refused(name: str) -> None:
    with pytest.raises(GrammarError, match="more than"):
        compile_schema(REFUSED[name]).compile(BYTES)


@pytest.mark.slow
@pytest.mark.parametrize("name", BOUNDED)
def test_large_schemas_compile_over_a_large_vocabulary(name: str, large_vocabulary: Vocabulary) -> None:
    grammar = compile_schema(BOUNDED[name]).compile(large_vocabulary)
    assert grammar.state_count <= compilation.MAX_STATES
    assert len(grammar.edge_target) <= explore.MAX_EDGES


@pytest.fixture(scope="module")
def large_vocabulary() -> Vocabulary:
    """262,144 tokens: every byte, and strings of letters, blanks and JSON's punctuation."""
    random = np.random.default_rng(0)
    letters = np.frombuffer(b'etaoinshrdlu    ",:{}[]0123456789\\.', np.uint8)
    tokens = {bytes([b]) for b in range(256)}
    while len(tokens) < 262_143:
        tokens.add(bytes(random.choice(letters, random.integers(2, 9))))
    return Vocabulary((None, *sorted(tokens)), {"<eos>": 0}, frozenset({0}))


def test_too_many_states_or_edges_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GrammarError, match="more than 500000 states"):
        compile_schema({"prefixItems": [{"type": "string", "maxLength": 10_000}] * 3}).compile(BYTES)
    monkeypatch.setattr(lift, "MAX_EDGES", 1000)
    monkeypatch.setattr(explore, "MAX_EDGES", 1000)
    with pytest.raises(GrammarError, match="more than 1000 edges"):
        compile_schema({"type": "string", "maxLength": 200}).compile(BYTES)


@pytest.mark.parametrize(
    ("module", "limit", "message"),
    [(lift, "MAX_NODES", "tokens in its labels"), (compilation, "MAX_STEPS", "steps through")],
)
def test_work_on_the_vocabulary_is_limited(
    module: ModuleType, limit: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 500)
    with pytest.raises(GrammarError, match=message):
        (Grammar.text() + Grammar.literal("!") + Grammar.text(without="abc")).compile(BYTES)
