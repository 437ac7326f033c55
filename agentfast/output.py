"""The type of an agent's answer: its JSON Schema for the model, and the check of what the model wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from agentfast.errors import ConfigError, OutputError
from agentfast.result import T
from agentfast.tools.signature import complaints, tidy_schema


class OutputType(Generic[T]):
    """A pydantic model, dataclass, TypedDict, builtin or any type that pydantic knows; plain text if it is str.

    `schema` is the JSON Schema of the answer, None for plain text.
    """

    def __init__(self, output_type: Any) -> None:
        """Compile the type.

        Raises:
            ConfigError: pydantic cannot describe the type.
        """
        self.schema: Mapping[str, Any] | None = None
        self._adapter: TypeAdapter[T] | None = None
        if output_type is str:
            return
        try:
            self._adapter = TypeAdapter(output_type)
            self.schema = tidy_schema(self._adapter.json_schema())
        except (PydanticSchemaGenerationError, PydanticUserError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"output_type {output_type!r} has no JSON Schema: {reason}") from error

    def parse(self, text: str) -> T:
        """The answer as the output type.

        Raises:
            OutputError: it is not JSON, or the type's own validators refuse it.
        """
        if self._adapter is None:
            return cast("T", text)
        try:
            return self._adapter.validate_json(text, strict=True)
        except ValidationError as error:
            raise OutputError(complaints(error, "answer")) from error
