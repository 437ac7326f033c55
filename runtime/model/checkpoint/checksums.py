"""SHA-256 sums of a checkpoint's files, in a file beside them that `sha256sum --check` reads, too."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from agentfast.errors import CheckpointError
from agentfast.runtime.core.config import EXTENSIONS
from agentfast.runtime.model.checkpoint.files import aside, tokenizer_file

CHECKSUMS: Final = "SHA256SUMS"

_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def write_checksums(directory: Path) -> None:
    """Write the sums of the files that the checkpoint is loaded from, a shared tokenizer included.

    Raises:
        CheckpointError: there is no tokenizer.
    """
    small = [directory / name for name in ("config.json", "generation_config.json", EXTENSIONS)]
    files = [path for path in small if path.exists()] + [tokenizer_file(directory)]
    files += sorted([*directory.glob("*.safetensors"), *directory.glob("*.safetensors.index.json")])
    lines = [f"{_sum_of(path)}  {Path(os.path.relpath(path, directory)).as_posix()}\n" for path in files]
    path = directory / CHECKSUMS
    aside(path).write_text("".join(lines), "utf-8")
    aside(path).replace(path)


def verify_checksums(directory: Path) -> None:
    """Compare the files with the sums; nothing, if there is no file of sums. Reads every file to its end.

    Raises:
        CheckpointError: a file is missing, unreadable or not the one that was summed, or the sums are malformed.
    """
    path = directory / CHECKSUMS
    if not path.exists():
        return
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"cannot read {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line)
        if found is None:
            raise CheckpointError(f"{path}, line {number}, is not a checksum and a name")
        _verify(directory / found[2], found[1])


def _verify(path: Path, wanted: str) -> None:
    try:
        actual = _sum_of(path)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}, which {CHECKSUMS} lists: {error}", hint=_HINT) from error
    if actual != wanted:
        raise CheckpointError(
            f"{path} is damaged or was changed: {CHECKSUMS} has another checksum", hint=_HINT
        )


_HINT: Final = f"get the file again: reinstall the package or download the checkpoint; if the change was meant, delete {CHECKSUMS}"


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
