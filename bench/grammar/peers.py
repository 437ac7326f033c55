"""Other compilers of JSON Schema, each in a process of its own: `python -m bench.grammar.peers NAME`.

It reads a line of JSON, {"schema": ..., "texts": [...]}, and answers with one, {"accepts": [...]}, or {"error": ...}
where the schema is refused. All of them work over single bytes, so that no tokenizer comes into it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

Accepts = Callable[[bytes], bool]


def llguidance(schema: Any) -> Accepts:
    """The llguidance package."""
    package: Any = import_module("llguidance")
    tokenizer = package.LLTokenizer("byte")
    grammar = package.LLMatcher.grammar_from_json_schema(json.dumps(schema))
    if (matcher := package.LLMatcher(tokenizer, grammar)).is_error():
        raise ValueError(matcher.get_error())

    def accepts(text: bytes) -> bool:
        reader = package.LLMatcher(tokenizer, grammar)
        return bool(reader.try_consume_tokens(list(text)) == len(text) and reader.is_accepting())

    return accepts


def xgrammar(schema: Any) -> Accepts:
    """The xgrammar package, in its mode that takes schemas at their word."""
    xgr: Any = import_module("xgrammar")
    tokens = [bytes([byte]) for byte in range(256)] + [b"</s>"]
    info = xgr.TokenizerInfo(tokens, vocab_type=xgr.VocabType.RAW, stop_token_ids=[256])
    compiled = xgr.GrammarCompiler(info).compile_json_schema(json.dumps(schema), strict_mode=False)

    def accepts(text: bytes) -> bool:
        reader = xgr.GrammarMatcher(compiled)
        return all(reader.accept_token(byte) for byte in text) and bool(reader.accept_token(256))

    return accepts


def outlines_core(schema: Any) -> Accepts:
    """The outlines_core package: a regular expression, then an index over the vocabulary of bytes."""
    outlines: Any = import_module("outlines_core")
    regex = import_module("outlines_core.json_schema").build_regex_from_schema(json.dumps(schema))
    bytewise = outlines.Vocabulary(256, {bytes([byte]): [byte] for byte in range(256)})
    index = outlines.Index(regex, bytewise)

    def accepts(text: bytes) -> bool:
        state: int | None = index.get_initial_state()
        for byte in text:
            state = None if state is None else index.get_next_state(state, byte)
        return state is not None and bool(index.is_final_state(state))

    return accepts


PEERS: Final = {"llguidance": llguidance, "xgrammar": xgrammar, "outlines_core": outlines_core}


def answer(name: str, line: str) -> dict[str, Any]:
    """One peer's verdicts."""
    question = json.loads(line)
    try:
        accepts = PEERS[name](question["schema"])
        return {"accepts": [accepts(text.encode()) for text in question["texts"]]}
    except BaseException as error:  # a panic in Rust is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> int:
    """Answer every line until the input ends."""
    for line in sys.stdin:
        print(json.dumps(answer(sys.argv[1], line)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
