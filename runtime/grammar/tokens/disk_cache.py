"""A folder of compiled grammars and vocabulary tries, shared by processes.

A file is a magic word, its key, a digest of what follows, and arrays in safetensors' format: reading one runs no code.
Files are written beside and renamed, so nobody meets half of one; one that is damaged, or not what its name says, is
a warning in the log and a miss. When the folder outgrows its limit the files used longest ago go.

The folder is `$AGENTFAST_CACHE` if that is set (empty: nothing is kept), else the user's: `$XDG_CACHE_HOME/agentfast` or
`~/.cache/agentfast`, `~/Library/Caches/agentfast` on macOS, `%LOCALAPPDATA%\\agentfast` on Windows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt
import safetensors
import safetensors.numpy

from agentfast.runtime.core.log import get_logger
from agentfast.runtime.jit.host import user_folder

Arrays = Mapping[str, npt.NDArray[Any]]

LIMIT: Final = 1 << 30
"""Bytes that a folder may hold."""
_FORMAT: Final = 1
_MAGIC: Final = b"agentfast\n"
_SUFFIX: Final = ".grammar"

_log = get_logger("grammar.cache")


def default_folder() -> Path | None:
    """Default folder of compiled grammars; None: nowhere."""
    chosen = os.environ.get("AGENTFAST_CACHE")
    if chosen is not None:
        return Path(chosen) if chosen else None
    return user_folder()


class DiskCache:
    """Arrays by key, in a folder. Failing to read or write is never an error, only slower."""

    def __init__(self, folder: Path | None, *, limit: int = LIMIT) -> None:
        """
        Args:
            folder: None keeps nothing.
            limit: bytes that the folder may hold.
        """
        self._folder = folder
        self._limit = limit

    def load(self, *parts: str | bytes) -> Arrays | None:
        """Arrays stored under a key made of these parts, by this version of the package."""
        if self._folder is None:
            return None
        key = _key(parts)
        file = self._file(key)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("cannot read a cached grammar", file=str(file), error=str(error))
            return None
        arrays = _unpack(content, key)
        if arrays is None:
            _log.warning("a cached grammar is damaged or foreign; it is made again", file=str(file))
            return None
        self._touch(file)
        return arrays

    def store(self, arrays: Arrays, *parts: str | bytes) -> None:
        """Keep arrays under a key made of these parts."""
        if self._folder is None:
            return
        key = _key(parts)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".tmp", delete=False) as temporary:
                temporary.write(_pack(arrays, key))
            Path(temporary.name).replace(self._file(key))
            self._make_room()
        except OSError as error:
            _log.warning("cannot keep a compiled grammar", folder=str(self._folder), error=str(error))

    def _file(self, key: bytes) -> Path:
        assert self._folder is not None
        return self._folder / f"{key.hex()}{_SUFFIX}"

    @staticmethod
    def _touch(file: Path) -> None:
        try:
            os.utime(file)
        except OSError as error:  # another process has dropped it, or the folder is not ours to write
            _log.debug("cannot touch a cached grammar", file=str(file), error=str(error))

    def _make_room(self) -> None:
        """Drop the files used longest ago while there are too many bytes."""
        assert self._folder is not None
        found: list[tuple[float, int, Path]] = []
        for file in self._folder.glob(f"*{_SUFFIX}"):
            try:
                status = file.stat()
            except FileNotFoundError:  # another process was faster
                continue
            found.append((status.st_mtime, status.st_size, file))
        total = sum(size for _, size, _ in found)
        for _, size, file in sorted(found)[:-1]:
            if total <= self._limit:
                break
            file.unlink(missing_ok=True)
            total -= size


def _key(parts: tuple[str | bytes, ...]) -> bytes:
    sha = hashlib.sha256(f"{_FORMAT} {_package_digest()}".encode())
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.digest()


@cache
def _package_digest() -> str:
    """Identifies the compiler: its version, and its source where that may have been edited since."""
    try:
        number = version("agentfast")
    except PackageNotFoundError:
        number = "unknown"
    sha = hashlib.sha256(number.encode())
    grammar = Path(__file__).parents[1]
    for source in sorted(grammar.rglob("*.py")):
        sha.update(source.relative_to(grammar).as_posix().encode() + source.read_bytes())
    return sha.hexdigest()


def _pack(arrays: Arrays, key: bytes) -> bytes:
    payload: bytes = safetensors.numpy.save(dict(arrays))
    return _MAGIC + key + _digest(payload) + payload


def _unpack(content: bytes, key: bytes) -> Arrays | None:
    """The arrays, or None if `_pack` did not write this for the key."""
    head = _MAGIC + key
    at = len(head) + len(_digest(b""))
    payload = content[at:]
    if not content.startswith(head) or content[len(head) : at] != _digest(payload):
        return None
    try:
        arrays: Arrays = safetensors.numpy.load(payload)
    except safetensors.SafetensorError:
        return None
    return arrays


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=32).digest()
