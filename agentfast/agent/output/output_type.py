"""The output type of an agent: the texts that the model may write, and their value.

An output type is one of

- `str`, for plain text;
- a type that pydantic knows (a model, dataclass, TypedDict, Literal, Enum, builtin, ...): JSON of its schema, which
  tools/schema/json_schema.py makes as strict as the type's own checks;
- a JSON Schema as a mapping: JSON, as plain Python values;
- a `Grammar` or a compiled regular expression: text that matches it as a whole;
- an Outlines term (`outlines.types`): text that matches it, a `Choice` as the value that was chosen, a `JsonSchema`
  as plain Python values. Outlines is imported only if one is given.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, cast

from pydantic import TypeAdapter, ValidationError

from agentfast.agent.errors import OutputError
from agentfast.agent.result import T
from agentfast.errors import ConfigError, GrammarError
from agentfast.tools.checks import shown
from agentfast.tools.declaration.signature import complaints, reason_of, tidy_schema, without_links
from agentfast.tools.schema.json_schema import Unenforced, describe
from agentfast.tools.schema.strict_json import strict_json

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

    from agentfast.runtime.grammar import Grammar


class OutputType(Generic[T]):
    """An output type, compiled. Both attributes are None for plain text.

    Attributes:
        schema: JSON Schema of the answer.
        grammar: what the answer's text must match, where that is no JSON.
        unenforced: checks of the type that its schema does not state; see tools/schema/json_schema.py.
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
        _check_kind(output_type)
        if _is_language(output_type):
            try:
                self._use_language(output_type)
            except GrammarError as error:
                raise ConfigError(
                    f"output_type is {shown(output_type)}, which cannot be a grammar: {error}"
                ) from error
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
            self.schema = strict_json(tidy_schema(schema))
        except (
            Exception
        ) as error:  # pydantic's own, and what the code of a type raises, such as a package that is missing
            raise ConfigError(
                f"output_type is {shown(output_type)}, which has no JSON Schema: {reason_of(error)}"
            ) from error

        def read(text: str) -> Any:
            try:
                return adapter.validate_json(text, strict=True)
            except ValidationError as error:
                raise OutputError(complaints(error, "answer"), text) from error
            except Exception as error:  # a validator of the type's own
                said = f"the output type raised {type(error).__name__}: {without_links(str(error))}"
                raise OutputError(said, text) from error

        self._read = read

    def _use_schema(self, schema: Mapping[str, Any]) -> None:
        validator = _validator_of(dict(schema))
        try:
            self.schema = strict_json(schema)
        except ValueError as error:
            raise ConfigError(f"output_type is a JSON Schema that {error}") from error

        def read(text: str) -> Any:
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                raise OutputError(f"Invalid JSON: {error}", text) from error
            for violation in validator.iter_errors(value):
                raise OutputError(f"{violation.json_path}: {violation.message}", text)
            return value

        self._read = read

    def _use_language(self, output_type: Any) -> None:
        from agentfast.runtime.grammar.emptiness import is_empty
        from agentfast.runtime.grammar.foreign import as_grammar, choices_of, schema_of

        if (schema := schema_of(output_type)) is not None:
            self._use_schema(schema)
            return
        grammar = self.grammar = as_grammar(output_type)
        if grammar.specials:
            raise GrammarError(
                f"an answer is text, but the special tokens {sorted(grammar.specials)} occur in it"
            )
        if is_empty(grammar.node):
            raise GrammarError("no text matches it")
        choices = choices_of(output_type) or {}

        def read(text: str) -> Any:
            if not grammar.accepts(text):
                raise OutputError("it is not of the form that was asked for", text)
            return choices.get(text, text)

        self._read = read


def _validator_of(schema: dict[str, Any]) -> Validator:
    """A validator by the draft that the schema names, or by the newest whose rules it keeps to.

    Raises:
        ConfigError: it is no JSON Schema of any draft.
    """
    import jsonschema  # here, as most agents need none
    from jsonschema.validators import validator_for

    drafts = (
        validator_for(schema, default=jsonschema.Draft202012Validator),
        jsonschema.Draft7Validator,
        jsonschema.Draft4Validator,
    )
    reasons: list[jsonschema.SchemaError] = []
    for draft in drafts:
        try:
            draft.check_schema(schema)
        except jsonschema.SchemaError as error:
            reasons.append(error)
        else:
            return draft(schema)
    first = reasons[0]
    raise ConfigError(f"output_type is a mapping, but no JSON Schema: {first.json_path}: {first.message}")


def _check_kind(output_type: object) -> None:
    """Refuse values that pydantic would describe in a sense that nobody means.

    Raises:
        ConfigError: it is a function, a tool, a string or None.
    """
    value = output_type  # as it was given, before its type is narrowed
    if output_type is None:
        hint = "leave it out for text; type(None) is the JSON null"
    elif isinstance(output_type, str):
        hint = "give the type itself, not its name"
    elif inspect.isroutine(output_type) or isinstance(output_type, functools.partial):
        hint = "functions are not supported: give a type, and call the function with result.output"
    else:
        return
    raise ConfigError(f"output_type is {shown(value)}; it takes a type or a JSON Schema", hint=hint)


def _is_language(value: object) -> bool:
    """True for a grammar and for values that can become one; told by class names, as importing the classes is heavy."""
    homes = {cls.__module__ for cls in type(value).__mro__}
    return isinstance(value, re.Pattern) or not homes.isdisjoint(
        ("agentfast.runtime.grammar.grammar", "outlines.types.dsl")
    )
