"""The small files of a checkpoint directory: JSON objects, and the tokenizer, which checkpoints may share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, cast

from agentfast.errors import CheckpointError
from agentfast.runtime.core.config import EXTENSIONS
from agentfast.runtime.model.checkpoint.recognize import refuse_pointer

TOKENIZER_FILE: Final = "tokenizer.json"

_SHARED: Final = "tokenizer"
"""Entry of agentfast.json: path of a shared tokenizer file, relative to the checkpoint directory."""


def read_json(path: Path, *, optional: bool = False) -> dict[str, Any]:
    """A JSON object; empty if the file is optional and missing.

    Raises:
        CheckpointError: the file is missing, unreadable or holds something else.
    """
    if optional and not path.exists():
        return {}
    try:
        raw: object = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path} holds no JSON object")
    return cast("dict[str, Any]", raw)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object aside, then replace the file."""
    aside(path).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    aside(path).replace(path)


def aside(path: Path) -> Path:
    """Temporary name of a file that is being written."""
    return path.with_name(f".{path.name}.part")


def tokenizer_file(directory: Path) -> Path:
    """Path of the checkpoint's tokenizer file: the one that agentfast.json names, or else its own tokenizer.json.

    Raises:
        CheckpointError: the file is missing, or agentfast.json is malformed or names no relative path.
    """
    shared: object = read_json(directory / EXTENSIONS, optional=True).get(_SHARED)
    if shared is None:
        path = directory / TOKENIZER_FILE
        if not path.exists():
            other = (directory / "tokenizer.model").exists()
            hint = (
                f"it has tokenizer.model only: save it as {TOKENIZER_FILE} with transformers"
                if other
                else None
            )
            raise CheckpointError(f"{directory} has no {TOKENIZER_FILE}", hint=hint)
        refuse_pointer(path)
        return path
    if not isinstance(shared, str) or Path(shared).is_absolute():
        raise CheckpointError(f"{directory / EXTENSIONS}: {_SHARED} is {shared!r}, not a relative path")
    path = directory / shared
    if not path.is_file():
        raise CheckpointError(
            f"{directory / EXTENSIONS} names the tokenizer {shared!r}, which does not exist"
        )
    return path


def drop_shared_tokenizer(directory: Path) -> None:
    """Remove the shared tokenizer's entry from agentfast.json, so that the directory's own tokenizer.json counts."""
    path = directory / EXTENSIONS
    raw = read_json(path, optional=True)
    if _SHARED in raw:
        del raw[_SHARED]
        write_json(path, raw)
