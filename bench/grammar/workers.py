"""Compilers of schemas, each in its own process, so that one can be stopped and its memory measured.

`python -m bench.grammar.workers NAME VOCABULARY` reads a JSON Schema a line and answers with a JSON line: milliseconds,
or why there are none, and the most memory the process has had. VOCABULARY is a tokenizer.json, or "embedded".
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from agentfast.errors import AgentFastError
from agentfast.runtime.core.vocabulary import Vocabulary

Compile = Callable[[dict[str, Any]], dict[str, float]]
"""Compiles a schema; returns milliseconds by measurement, "cold" among them, and for agentfast the number of states."""

NAMES = ("agentfast", "outlines", "llguidance", "xgrammar")


@cache
def read_vocabulary(source: str) -> Vocabulary:
    """The vocabulary of a tokenizer.json, or the embedded model's."""
    if source == "embedded":
        from agentfast.cli.model import open_vocabulary

        return open_vocabulary(None)
    return Vocabulary.from_tokenizer(read_tokenizer(source), eos_ids(source))


@cache
def read_tokenizer(source: str) -> Any:
    """The tokenizer itself, of the `tokenizers` library."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(source if source != "embedded" else str(_embedded()))


def eos_ids(source: str) -> list[int]:
    """Ids that end a turn."""
    names = read_tokenizer(source).get_vocab(with_added_tokens=True)
    return [names[name] for name in ("<|end|>", "<eos>", "<end_of_turn>", "<turn|>") if name in names]


def _embedded() -> Path:
    from agentfast import nano
    from agentfast.runtime.model.checkpoint.files import tokenizer_file

    return tokenizer_file(nano.WEIGHTS)


def _agentfast(source: str) -> Compile:
    from agentfast.runtime.grammar import compile as compilation
    from agentfast.runtime.grammar import compile_schema
    from agentfast.runtime.grammar.store import GRAMMARS
    from agentfast.runtime.grammar.tokens.trie import trie_of

    folder = os.environ["BENCH_CACHE"]
    vocabulary = read_vocabulary(source)
    trie_of(vocabulary, compilation.disk_cache(folder))
    compile_schema({"type": "object", "properties": {"a": {"type": "string"}}}).compile(vocabulary, "")

    def run(schema: dict[str, Any]) -> dict[str, float]:
        def timed(where: str) -> float:
            began = perf_counter()
            compile_schema(schema).compile(vocabulary, where)
            return 1e3 * (perf_counter() - began)

        found = {"cold": timed("")}
        found["cached"] = min(timed("") for _ in range(3))
        grammar = compile_schema(schema)
        began = perf_counter()
        grammar.compile(vocabulary)
        found["lookup"] = 1e3 * (perf_counter() - began)
        found["states"] = grammar.compile(vocabulary).state_count
        arrays = compilation.to_arrays(grammar.compile(vocabulary))
        compilation.disk_cache(folder).store(arrays, "grammar", grammar.digest, vocabulary.digest)
        GRAMMARS.forget()
        found["disk"] = timed(folder)
        return found

    return run


def _outlines(source: str) -> Compile:
    core: Any = import_module("outlines_core")
    regex_of: Any = import_module("outlines_core.json_schema").build_regex_from_schema
    vocabulary = read_vocabulary(source)
    ids: dict[bytes, list[int]] = {}
    for index, token in enumerate(vocabulary.tokens):
        if token is not None:
            ids.setdefault(token, []).append(index)
    tokens = core.Vocabulary(min(vocabulary.eos_ids), ids)

    def run(schema: dict[str, Any]) -> dict[str, float]:
        began = perf_counter()
        core.Index(regex_of(json.dumps(schema)), tokens)
        return {"cold": 1e3 * (perf_counter() - began)}

    return run


def _llguidance(source: str) -> Compile:
    llguidance: Any = import_module("llguidance")
    text = Path(source if source != "embedded" else _embedded()).read_text()
    tokenizer = llguidance.LLTokenizer(text, eos_token=eos_ids(source)[0])

    def run(schema: dict[str, Any]) -> dict[str, float]:
        began = perf_counter()
        matcher = llguidance.LLMatcher(
            tokenizer,
            llguidance.LLMatcher.grammar_from_json_schema(schema, defaults={"whitespace_flexible": False}),
        )
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        matcher.compute_bitmask()  # it builds lazily: without a first mask nothing is compiled
        return {"cold": 1e3 * (perf_counter() - began)}

    return run


def _xgrammar(source: str) -> Compile:
    xgrammar: Any = import_module("xgrammar")
    vocabulary = read_vocabulary(source)
    info = xgrammar.TokenizerInfo(
        [token or b"" for token in vocabulary.tokens],
        xgrammar.VocabType.RAW,
        vocab_size=vocabulary.size,
        stop_token_ids=sorted(vocabulary.eos_ids),
    )

    def run(schema: dict[str, Any]) -> dict[str, float]:
        compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        began = perf_counter()
        compiler.compile_json_schema(json.dumps(schema), any_whitespace=False)
        return {"cold": 1e3 * (perf_counter() - began)}

    return run


MAKERS: dict[str, Callable[[str], Compile]] = {
    "agentfast": _agentfast,
    "outlines": _outlines,
    "llguidance": _llguidance,
    "xgrammar": _xgrammar,
}


def peak_megabytes() -> float:
    """The most memory this process has had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    """Serve until the input ends."""
    name, source = sys.argv[1:]
    began = perf_counter()
    try:
        run = MAKERS[name](source)
    except ImportError as error:
        print(json.dumps({"error": f"not installed: {error.name}"}), flush=True)
        return
    print(json.dumps({"setup_s": perf_counter() - began, "peak_mb": peak_megabytes()}), flush=True)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"ms": run(json.loads(line))}
        except (AgentFastError, ValueError, RuntimeError, TypeError) as error:
            answer = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
        print(json.dumps({**answer, "peak_mb": peak_megabytes()}), flush=True)


class Worker:
    """A compiler's process, started again when it was stopped for taking too long."""

    def __init__(self, name: str, source: str, timeout: float) -> None:
        """
        Args:
            timeout: seconds that one schema may take.
        """
        self.name = name
        self._source = source
        self._timeout = timeout
        self._process: subprocess.Popen[str] | None = None
        self.setup_s = 0.0
        self.setup_mb = 0.0
        self.last_s = 0.0
        self.peak_mb = 0.0
        self.missing: str | None = None

    def compile(self, schema: dict[str, Any]) -> dict[str, float] | str:
        """Milliseconds, or the reason why there are none."""
        process = self._process or self._start()
        if process is None:
            return self.missing or "not there"
        assert process.stdin is not None
        process.stdin.write(json.dumps(schema) + "\n")
        process.stdin.flush()
        began = perf_counter()
        answer = self._answer(process, self._timeout)
        self.last_s = perf_counter() - began
        if answer is None:
            self.close()
            return f"took more than {self._timeout:g} s"
        if "peak_mb" not in answer:
            self.close()
        self.peak_mb = max(self.peak_mb, answer.get("peak_mb", 0.0))
        found: dict[str, float] | str = answer.get("ms") or answer["error"]
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> subprocess.Popen[str] | None:
        if self.missing is not None:
            return None
        command = [sys.executable, "-m", "bench.grammar.workers", self.name, self._source]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._process = process
        answer = self._answer(process, 300.0)
        if answer is None or "error" in answer:
            self.missing = "it did not start" if answer is None else answer["error"]
            self.close()
            return None
        self.setup_s = answer["setup_s"]
        self.setup_mb = answer["peak_mb"]
        return process

    @staticmethod
    def _answer(process: subprocess.Popen[str], timeout: float) -> dict[str, Any] | None:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], timeout)
        if not ready:
            return None
        line = process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"error": "its process ended"}
        return answer


if __name__ == "__main__":
    main()
