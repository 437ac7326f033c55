"""Progress of the compilation of grammars."""

from __future__ import annotations

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.progress import progress_to, report

LARGE = {
    "type": "object",
    "properties": {f"field_{i}": {"enum": [f"{i}-{n}" for n in range(50)]} for i in range(120)},
}


def test_a_listener_hears_of_schemas_then_states_then_tokens() -> None:
    heard: list[tuple[int, int | None, str]] = []
    with progress_to(lambda done, total, what: heard.append((done, total, what))):
        compile_schema(LARGE).compile(Vocabulary.byte_level(), "")
    kinds = list(dict.fromkeys(what for _, _, what in heard))
    assert kinds == ["schemas", "states", "tokens"]
    states = [done for done, _, what in heard if what == "states"]
    assert states == sorted(states)
    assert heard[-1] == (257, 257, "tokens")


def test_outside_of_the_block_nobody_listens() -> None:
    heard: list[int] = []
    with progress_to(lambda done, total, what: heard.append(done)):
        report(1, None, "states")
    report(2, None, "states")
    assert heard == [1]
