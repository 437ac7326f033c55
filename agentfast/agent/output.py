"""The output type of an agent: the texts that the model may write, and their value.

An output type is one of

- `str`, for plain text;
- a type that pydantic knows (a model, dataclass, TypedDict, Literal, Enum, builtin, ...): JSON of its schema, which
  tools/json_schema.py makes as strict as the type's own checks;
- a JSON Schema as a mapping: JSON, as plain Python values;
- a `Grammar` or a compiled regular expression: text that matches it as a whole;
- an Outlines term (`outlines.types`): text that matches it, a `Choice` as the value that was chosen, a `JsonSchema`
  as plain Python values. Outlines is imported only if one is given.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from agentfast.agent.errors import OutputError
from agentfast.agent.result import T
from agentfast.errors import ConfigError, GrammarError
from agentfast.tools.json_schema import Unenforced, describe
from agentfast.tools.signature import complaints, tidy_schema

if TYPE_CHECKING:
    from agentfast.runtime.grammar import Grammar


class OutputType(Generic[T]):
    """An output type, compiled. Both attributes are None for plain text.

    Attributes:
        schema: JSON Schema of the answer.
        grammar: what the answer's text must match, where that is no JSON.
        unenforced: checks of the type that its schema does not state; see tools/json_schema.py.
    """

    def __init__(self, output_type: Any) -> None:
        """Compile the type.

        Raises:
            ConfigError: it is no output type; the message says why.
        """
        self.schema: Mapping[str, Any] | None = None
        self.grammar: Grammar | None = None
        self.unenforced: tuple[Unenforced, ...] = ()
        self._read: Callable[[str], Any] = str
        if output_type is str:
            return
        if _is_language(output_type):
            try:
                self._use_language(output_type)
            except GrammarError as error:
                raise ConfigError(f"output_type {output_type!r} cannot be a grammar: {error}") from error
        elif isinstance(output_type, Mapping):
            self._use_schema(cast("Mapping[str, Any]", output_type))
        else:
            self._use_adapter(output_type)

    def parse(self, text: str) -> T:
        """The answer as the output type.

        Raises:
            OutputError: it is not JSON, does not match, or the type's own validators refuse it.
        """
        return cast("T", self._read(text))

    def _use_adapter(self, output_type: Any) -> None:
        try:
            adapter = TypeAdapter[Any](output_type)
            schema, self.unenforced = describe(adapter)
            self.schema = tidy_schema(schema)
        except (PydanticSchemaGenerationError, PydanticUserError, ImportError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"output_type {output_type!r} has no JSON Schema: {reason}") from error

        def read(text: str) -> Any:
            try:
                return adapter.validate_json(text, strict=True)
            except ValidationError as error:
                raise OutputError(complaints(error, "answer")) from error

        self._read = read

    def _use_schema(self, schema: Mapping[str, Any]) -> None:
        from jsonschema import Draft202012Validator, validators  # here, as most agents need none

        draft: Any = validators.validator_for(schema, default=Draft202012Validator)
        validator: Any = draft(dict(schema))
        self.schema = schema

        def read(text: str) -> Any:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise OutputError(f"Invalid JSON: {error}") from error
            for violation in validator.iter_errors(value):
                raise OutputError(f"{violation.json_path}: {violation.message}")
            return value

        self._read = read

    def _use_language(self, output_type: Any) -> None:
        from agentfast.runtime.grammar.foreign import as_grammar, choices_of, schema_of

        if (schema := schema_of(output_type)) is not None:
            self._use_schema(schema)
            return
        grammar = self.grammar = as_grammar(output_type)
        if grammar.specials:
            raise GrammarError(
                f"an answer is text, but the special tokens {sorted(grammar.specials)} occur in it"
            )
        choices = choices_of(output_type) or {}

        def read(text: str) -> Any:
            if not grammar.accepts(text):
                raise OutputError(f"{text!r} is not of the form that was asked for")
            return choices.get(text, text)

        self._read = read


def _is_language(value: object) -> bool:
    """True for a grammar and for values that can become one; told by class names, as importing the classes is heavy."""
    homes = {cls.__module__ for cls in type(value).__mro__}
    return isinstance(value, re.Pattern) or not homes.isdisjoint(
        ("agentfast.runtime.grammar.grammar", "outlines.types.dsl")
    )
