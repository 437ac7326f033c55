"""`agentfast schema FILE --explain`, from the command line to what is printed, on a model with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{3}$"},
                    "price": {"type": "number"},
                },
                "required": ["sku"],
            },
        },
        "note": {"anyOf": [{"type": "string", "maxLength": 100}, {"type": "null"}]},
        "50%/off": {"$ref": "#/$defs/discount"},
    },
    "required": ["id"],
    "$defs": {
        "discount": {
            "type": "object",
            "properties": {"by": {"type": "integer"}, "and": {"$ref": "#/$defs/discount"}},
        }
    },
}


class Command:
    """Runs `agentfast schema --explain` on a schema; keeps the exit code and the two outputs."""

    def __init__(self, folder: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._file = folder / "schema.json"
        self._model = str(model)
        self._capsys = capsys

    def __call__(self, schema: Any, *options: str) -> tuple[int, str, str]:
        self._file.write_text(json.dumps(schema), encoding="utf-8")
        code = main(["schema", str(self._file), "--explain", "--model", self._model, *options])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def explain(tmp_path: Path, random_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, random_checkpoint, capsys)


def test_a_schema_that_compiles_is_explained_in_sections(explain: Command) -> None:
    code, out, err = explain(ORDER)
    assert (code, err) == (Exit.OK, "")
    titles = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert [title.split("  ")[0] for title in titles] == [
        *("states", "edges", "classes", "compiled", "shortest", "needs", "bytes"),
        *("sampled instances", "fields, each compiled alone", "limits", "keywords"),
    ]
    assert "references are open at most" in out
    assert max(map(len, out.splitlines())) < 180


def test_the_samples_are_as_many_instances_as_asked_for_and_come_again_with_their_seed(
    explain: Command,
) -> None:
    drawn = [
        json.loads(explain(ORDER, "--json", "--samples", "8", "--seed", seed)[1])["samples"] for seed in "112"
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 8
    for text in drawn[0]:
        jsonschema.validate(json.loads(text), ORDER)


def test_fields_are_costed_alone_the_most_expensive_first(explain: Command) -> None:
    fields = json.loads(explain(ORDER, "--json")[1])["fields"]
    costs = {field["field"]: field["states"] for field in fields}
    assert set(costs) == {"id", "lines", "lines[]", "lines[].sku", "lines[].price", "note", "50%/off"}
    assert list(costs.values()) == sorted(costs.values(), reverse=True)
    assert fields[0]["path"] == "/properties/note"
    assert costs["50%/off"] > costs["id"]


def test_fields_of_the_same_name_are_told_apart_by_their_pointers(explain: Command) -> None:
    kinds = [{"type": "object", "properties": {"value": {"type": kind}}} for kind in ("string", "boolean")]
    _, out, _ = explain({"anyOf": kinds})
    assert "value (at /anyOf/0/properties/value)" in out
    assert "value (at /anyOf/1/properties/value)" in out


def test_a_refusal_is_explained_with_what_to_write_instead(explain: Command) -> None:
    schema = {
        "type": "object",
        "properties": {"fine": {"type": "boolean"}, "code": {"type": "string", "pattern": r"^(a|b)\1$"}},
    }
    code, out, err = explain(schema)
    assert code == Exit.REFUSED
    assert err.startswith("agentfast: 'pattern' at /properties/code: ")
    assert err.count("\n") == 1
    assert "what it means" in out
    assert "instead" in out
    refused = json.loads(explain(schema, "--json")[1])
    assert (refused["keyword"], refused["path"]) == ("pattern", "/properties/code")
    assert [(field["field"], field["refused"] is None) for field in refused["fields"]] == [
        ("code", False),
        ("fine", True),
    ]


def test_a_schema_without_an_instance_shows_the_field_that_has_none(explain: Command) -> None:
    code, out, _ = explain(
        {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 2, "maximum": 1}, "ok": {"type": "boolean"}},
            "required": ["n", "ok"],
        }
    )
    assert code == Exit.REFUSED
    assert "no value meets all of the schema" in out
    assert "n: the grammar matches nothing" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "no further properties"),
        (("--open",), "any further properties"),
        (("--open",), "in any order"),
        (("--open", "--order", "declared"), "in declared order"),
        (("--open",), "numbers in every notation"),
        (("--whitespace", "flexible"), "a line break"),
        (("--whitespace", "spaced"), "json.dumps"),
        (("--ignore-format",), "formats are annotations"),
    ],
)
def test_the_reading_that_was_asked_for_is_the_one_explained(
    explain: Command, options: tuple[str, ...], said: str
) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "on": {"type": "string", "format": "date"}},
    }
    explanation = json.loads(explain(schema, "--json", *options)[1])
    assert any(said in limit for limit in explanation["limits"])


def test_a_format_without_a_definition_compiles_as_an_annotation(explain: Command) -> None:
    schema = {"type": "string", "format": "isbn"}
    assert explain(schema)[0] == Exit.OK
    assert "notes" in explain(schema)[1]
    assert "notes" not in explain(schema, "--ignore-format")[1]


def test_notes_name_what_is_not_enforced(explain: Command) -> None:
    properties = {"page": {"type": "string", "format": "url"}, "meta": {"type": "object", "enumTitles": ""}}
    code, out, _ = explain({"type": "object", "properties": properties}, "--samples", "1")
    assert code == Exit.OK
    notes = " ".join(out.split())
    assert "/properties/page: format 'url' has no definition here; it is read as an annotation" in notes
    assert "/properties/meta: 'enumTitles' is no keyword of JSON Schema" in notes
    assert "/properties/meta: an object without properties is read as closed" in notes
