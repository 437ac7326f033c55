"""The leaderboard's functions, as the benchmarks read them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agentfast.errors import ConfigError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema
from bench.data.bfcl import BfclFunction, load_functions


@pytest.fixture(scope="module")
def functions() -> list[BfclFunction]:
    try:
        return load_functions(os.environ.get("BFCL_EVAL"))
    except ConfigError:
        pytest.skip("bfcl_eval is neither installed nor named by BFCL_EVAL")


def write(directory: Path, file: str, *rows: object) -> None:
    path = directory / "data" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def test_type_names_are_mapped_and_the_same_function_comes_once(tmp_path: Path) -> None:
    parameters = {
        "type": "dict",
        "properties": {
            "x": {"type": "float", "optional": True},
            "flag": {"type": "boolean", "enum": ["true", "false"]},
            "what": {"type": "any", "description": "anything"},
            "pair": {"type": "tuple", "items": {"type": "String"}},
            "options": {"type": "dict"},
        },
    }
    write(tmp_path, "BFCL_v4_a.json", {"function": [{"name": "f", "parameters": parameters}]})
    write(
        tmp_path, "multi_turn_func_doc/b.json", {"name": "f", "parameters": parameters}, {"id": "no function"}
    )
    expected = {
        "type": "object",
        "properties": {
            "x": {"type": "number"},
            "flag": {"enum": ["true", "false"]},
            "what": {"description": "anything"},
            "pair": {"type": "array", "items": {"type": "string"}},
            "options": {"type": "object", "additionalProperties": True},
        },
    }
    assert load_functions(tmp_path) == [BfclFunction("f", expected)]


def test_a_directory_without_the_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bfcl_eval package"):
        load_functions(tmp_path)
    write(tmp_path, "BFCL_v4_a.json", {"function": [{"name": "f", "parameters": {"type": "Set"}}]})
    with pytest.raises(ConfigError, match="'Set' is not known"):
        load_functions(tmp_path)


def test_every_function_compiles(functions: list[BfclFunction]) -> None:
    for function in functions:
        compile_schema(function.parameters)


def test_every_thirtieth_function_can_be_called(functions: list[BfclFunction]) -> None:
    vocabulary = Vocabulary.byte_level()
    for function in functions[::30]:
        compile_schema(function.parameters, vocabulary=vocabulary)
