"""Files of one folder: every part of a path is opened relative to the part before it, and no link is followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final
from uuid import uuid4

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.checks import check_integer
from agentfast.tools.definition import FunctionTool, tool

MAX_BYTES: Final = 1 << 18
"""Bytes of a file that are read or written."""
_MAX_ENTRIES: Final = 1000  # of a listing
_MAX_FOUND: Final = 100  # lines that a search gives
_MAX_SEARCHED: Final = 10_000  # files
_MAX_DEPTH: Final = 32  # folders inside each other that a search enters
_MAX_LINE: Final = 300  # characters of a found line


def files(
    root: str | Path, *, write: bool = False, max_bytes: int = MAX_BYTES
) -> list[FunctionTool[..., Any]]:
    """Make tools for the files of a folder: `list_files`, `read_file`, `search_files`, and `write_file` if allowed.

    Paths are relative to the folder and cannot leave it: neither by "..", nor by links, which are never followed, nor
    by a folder that is exchanged during the call. Only UTF-8 text in regular files is read.

    Args:
        root: the folder.
        write: give `write_file`, too.
        max_bytes: of a file.

    Raises:
        ToolDefinitionError: there is no such folder, or the system cannot open files relative to a folder.
        ConfigError: `max_bytes` is not a positive number.
    """
    check_integer("max_bytes", max_bytes, least=1)
    if os.open not in os.supports_dir_fd or not hasattr(os, "O_NOFOLLOW"):
        raise ToolDefinitionError(
            "files() needs a system that opens files relative to a folder, as POSIX does"
        )
    if not Path(root).is_dir():
        raise ToolDefinitionError(f"files({str(root)!r}): there is no such folder")
    folder = _Folder(Path(root).resolve(), max_bytes)

    def list_files(path: str = ".") -> list[str]:
        """List a folder; names of folders end with a slash.

        Args:
            path: The folder, relative to the root.
        """
        return folder.listed(path)

    def read_file(path: str, first_line: int = 1, lines: int = 2000) -> str:
        """Read a text file.

        Args:
            path: The file, relative to the root.
            first_line: The first line to read, from 1.
            lines: The number of lines to read.
        """
        if first_line < 1 or lines < 1:
            raise ToolError("first_line and lines begin at 1")
        return "".join(folder.read(path).splitlines(keepends=True)[first_line - 1 :][:lines])

    def search_files(text: str, path: str = ".") -> list[str]:
        """Find lines that contain a text, in all text files below a folder; each as path:line: content.

        Args:
            text: The text, as it is written.
            path: The folder, relative to the root.
        """
        if not text:
            raise ToolError("the text to search for is empty")
        return list(folder.found(text, path))

    def write_file(path: str, text: str) -> str:
        """Write a text file, in place of one that is there.

        Args:
            path: The file, relative to the root; its folder must be there.
            text: The whole content.
        """
        folder.write(path, text)
        return f"{len(text)} characters written to {path}"

    found: list[FunctionTool[..., Any]] = [tool(list_files), tool(read_file), tool(search_files)]
    return [*found, tool(write_file)] if write else found


class _Folder:
    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root = root
        self._max_bytes = max_bytes

    def listed(self, path: str) -> list[str]:
        with self._opened_folder(path) as descriptor:
            names = _names(descriptor)
        if len(names) > _MAX_ENTRIES:
            return [*names[:_MAX_ENTRIES], f"... and {len(names) - _MAX_ENTRIES} more"]
        return names

    def read(self, path: str) -> str:
        with self._opened_parent(path) as (parent, name):
            return self._text(parent, name, path)

    def found(self, text: str, path: str) -> Iterator[str]:
        found = 0
        for searched, (place, content) in enumerate(self._texts(path)):
            if searched == _MAX_SEARCHED:
                yield f"... only the first {_MAX_SEARCHED} files were searched"
                return
            for number, line in enumerate(content.splitlines(), 1):
                if text not in line:
                    continue
                if found == _MAX_FOUND:
                    yield "... and more"
                    return
                found += 1
                yield f"{place}:{number}: {line[:_MAX_LINE]}"

    def write(self, path: str, text: str) -> None:
        data = text.encode()
        if len(data) > self._max_bytes:
            raise ToolError(f"the text has {len(data)} bytes; a file may have {self._max_bytes}")
        with self._opened_parent(path) as (parent, name):
            # Renaming exchanges a link that stands there for the file; it is not followed.
            temporary = f".{uuid4().hex}.tmp"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = _open(temporary, flags, parent, path)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except OSError as error:
                os.unlink(temporary, dir_fd=parent)
                raise _explained(error, path) from error

    def _texts(self, path: str) -> Iterator[tuple[str, str]]:
        """Paths and contents of the text files below a folder; others are left out."""
        base = "" if path.strip("./") == "" else path.rstrip("/") + "/"
        pending = [(base, 0)]
        while pending:
            place, depth = pending.pop()
            try:
                with self._opened_folder(place or ".") as descriptor:
                    for name in _names(descriptor):
                        if name.endswith("/"):
                            if depth < _MAX_DEPTH:
                                pending.append((place + name, depth + 1))
                            continue
                        try:
                            yield place + name, self._text(descriptor, name, place + name)
                        except ToolError:
                            continue
            except ToolError:
                if place == base:
                    raise

    def _text(self, parent: int, name: str, path: str) -> str:
        # Without O_NONBLOCK a pipe that nobody writes to would be waited for.
        descriptor = _open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, parent, path)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ToolError(f"{path!r} is not a regular file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(self._max_bytes + 1)
        finally:
            os.close(descriptor)
        if len(data) > self._max_bytes:
            raise ToolError(f"{path!r} has more than {self._max_bytes} bytes")
        try:
            if b"\0" not in data:
                return data.decode()
        except UnicodeDecodeError:
            pass
        raise ToolError(f"{path!r} is not UTF-8 text")

    @contextmanager
    def _opened_parent(self, path: str) -> Iterator[tuple[int, str]]:
        *folders, name = _parts(path) or ["."]
        if name == ".":
            raise ToolError(f"{path!r} is a folder")
        with self._opened(folders, path) as descriptor:
            yield descriptor, name

    @contextmanager
    def _opened_folder(self, path: str) -> Iterator[int]:
        with self._opened(_parts(path), path) as descriptor:
            yield descriptor

    @contextmanager
    def _opened(self, folders: list[str], path: str) -> Iterator[int]:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = _open(str(self._root), flags, None, ".")
        try:
            for folder in folders:
                inner = _open(folder, flags, descriptor, path)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _parts(path: str) -> list[str]:
    """Names on the way to a file."""
    if "\0" in path or path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise ToolError(
            f"{path!r} leads out of the folder", hint="give a path relative to the root, without .."
        )
    return [part for part in PurePosixPath(path).parts if part != "."]


def _names(descriptor: int) -> list[str]:
    with os.scandir(descriptor) as entries:
        return sorted(
            entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name for entry in entries
        )


def _open(name: str, flags: int, parent: int | None, path: str) -> int:
    try:
        return os.open(name, flags, 0o666, dir_fd=parent)
    except (OSError, ValueError) as error:
        raise _explained(error, path) from error


def _explained(error: Exception, path: str) -> ToolError:
    if isinstance(error, FileNotFoundError):
        return ToolError(f"there is no {path!r}")
    if isinstance(error, (NotADirectoryError, IsADirectoryError)):
        return ToolError(
            f"{path!r} is a folder where a file is expected, or a file or link in place of a folder"
        )
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return ToolError(f"{path!r} is a link; links are not followed")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ToolError(f"{path!r} cannot be opened: {reason}")
