"""Checks of files, folders and addresses that a command was given. Imports nothing heavy: they come before anything is loaded."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agentfast.errors import ConfigError


def check_checkpoint(path: str, what: str = "--model") -> None:
    """Check that a path is a checkpoint directory as far as its file names go.

    Raises:
        ConfigError: it is not.
    """
    folder = Path(path)
    if not folder.is_dir():
        found = "it is a file" if folder.is_file() else "there is no such folder"
        raise ConfigError(
            f"{what} {path}: {found}", hint="name a checkpoint's directory; nothing is downloaded"
        )
    if not (folder / "config.json").is_file():
        raise ConfigError(f"{what} {path}: no checkpoint, as it has no config.json")


def check_url(url: str, what: str = "--url") -> None:
    """Check that an address is a server's, and that there is a client for it.

    Raises:
        ConfigError: it is not, or the package openai is not installed.
    """
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:  # e.g. a port that is no number
        complete = False
    if not complete:
        raise ConfigError(f"{what} {url}: no address of a server", hint="e.g. http://localhost:8000/v1")
    if find_spec("openai") is None:
        raise ConfigError(
            f"{what} {url}: the package openai is not installed", hint="pip install 'agentfast[openai]'"
        )


def check_writable(path: str, what: str = "--out") -> None:
    """Check that a file can be written, before a command takes minutes; a file that was not there is not made.

    Raises:
        ConfigError: the file cannot be written.
    """
    file = Path(path)
    was_there = file.exists()
    try:
        with file.open("a", encoding="utf-8"):
            pass
        if not was_there:
            file.unlink()
    except OSError as error:
        raise ConfigError(f"{what} {path}: cannot write: {error.strerror}") from error


def check_folder(path: str, what: str) -> None:
    """Make a folder for what a command will write, and check that it can.

    Raises:
        ConfigError: the folder cannot be made or written into.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{what} {path}: cannot make the folder: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{what} {path}: cannot write into the folder")


def read_json(file: str) -> Any:
    """The JSON value in a file, or in standard input for "-".

    Raises:
        ConfigError: there is no such file, or it is not JSON.
    """
    if file == "-":
        return _parsed(read_standard_input(), "standard input")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or no path at all
        raise ConfigError(f"{file} is not JSON: {error}") from error
    return _parsed(text, file)


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ConfigError(f"{name} is nested too deeply") from error
    except ValueError as error:
        raise ConfigError(f"{name} is not JSON: {error}") from error


def read_standard_input() -> str:
    """All of standard input.

    Raises:
        ConfigError: it is not UTF-8, or cannot be read.
    """
    try:
        return check_text(sys.stdin.read(), "standard input")
    except UnicodeDecodeError as error:
        raise ConfigError(f"standard input is not UTF-8: {error.reason}") from error
    except OSError as error:
        raise ConfigError(f"cannot read standard input: {error.strerror}") from error


def check_text(text: str, what: str) -> str:
    """The text itself. Bytes of a command line or of a terminal that are not UTF-8 come as lone surrogates.

    Raises:
        ConfigError: there are some.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"{what} is not UTF-8 text", hint=f"see character {error.start + 1}") from error
    return text
