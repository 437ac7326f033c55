"""Files of a folder: what is inside is read, and nothing outside is."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.builtin import files
from agentfast.tools.builtin import files as files_factory
from agentfast.tools.definition import FunctionTool


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "folder"
    (root / "notes").mkdir(parents=True)
    (root / "notes" / "a.txt").write_text("one\ntwo é\nthree\n")
    (root / "b.txt").write_text("two again")
    (root / "image").write_bytes(b"\x89PNG\0\0")
    (root / "latin").write_bytes(b"caf\xe9")
    (root / "link").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to("..")
    (root / "inside").symlink_to("b.txt")
    os.mkfifo(root / "pipe")
    return root


@pytest.fixture
def tools(root: Path) -> dict[str, FunctionTool[..., Any]]:
    return {tool.name: tool for tool in files(root, write=True, max_bytes=1000)}


def test_files_are_listed_read_and_searched(tools: dict[str, FunctionTool[..., Any]]) -> None:
    assert tools["list_files"]() == ["b.txt", "image", "inside", "latin", "link", "notes/", "pipe", "up"]
    assert tools["list_files"]("notes") == ["a.txt"]
    assert tools["read_file"]("notes/a.txt") == "one\ntwo é\nthree\n"
    assert tools["read_file"]("./notes//a.txt", 2, 1) == "two é\n"
    assert sorted(tools["search_files"]("two")) == ["b.txt:1: two again", "notes/a.txt:2: two é"]
    assert tools["search_files"]("two", "notes") == ["notes/a.txt:2: two é"]


def test_files_are_written_only_if_allowed(tools: dict[str, FunctionTool[..., Any]], root: Path) -> None:
    assert tools["write_file"]("notes/new.txt", "héllo") == "5 characters written to notes/new.txt"
    assert (root / "notes" / "new.txt").read_text() == "héllo"
    assert "write_file" not in {tool.name for tool in files(root)}
    with pytest.raises(ToolError, match="a file may have 1000"):
        tools["write_file"]("big", "x" * 1001)
    with pytest.raises(ToolError):
        tools["write_file"]("absent/new.txt", "x")
    with pytest.raises(ToolError):
        tools["write_file"]("notes", "x")
    assert [path.name for path in root.rglob("*.tmp")] == []


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "notes/../../secret.txt",
        "notes/..",
        "/etc/passwd",
        "//etc/passwd",
        "link",
        "up/secret.txt",
        "up/folder/b.txt",
        "inside",
        "link/x",
        "b.txt/x",
        "nul\0.txt",
        "x" * 300,
        "a/" * 3000 + "b",
        "absent",
        "notes",
        ".",
        "",
        "pipe",
        "image",
        "latin",
        "..\\secret.txt",
        "\ud800",
    ],
)
def test_nothing_else_is_read(path: str, tools: dict[str, FunctionTool[..., Any]]) -> None:
    with pytest.raises(ToolError):
        tools["read_file"](path)


@pytest.mark.parametrize("path", ["../x", "/tmp/x", "up/x", "link/x", "..", "."])
def test_nothing_outside_is_written(path: str, tools: dict[str, FunctionTool[..., Any]], root: Path) -> None:
    with pytest.raises(ToolError):
        tools["write_file"](path, "x")
    assert sorted(path.name for path in root.parent.iterdir()) == ["folder", "secret.txt"]


def test_writing_to_a_link_exchanges_the_link(tools: dict[str, FunctionTool[..., Any]], root: Path) -> None:
    tools["write_file"]("link", "new")
    assert (root.parent / "secret.txt").read_text() == "secret"
    assert not (root / "link").is_symlink()


def test_links_are_not_searched_or_listed_through(tools: dict[str, FunctionTool[..., Any]]) -> None:
    assert tools["search_files"]("secret") == []
    with pytest.raises(ToolError):
        tools["list_files"]("up")


def test_a_folder_that_becomes_a_link_during_the_call_is_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch, tools: dict[str, FunctionTool[..., Any]]
) -> None:
    """The exchange comes right before the last part is opened, where a check of names would have passed."""
    (root.parent / "a.txt").write_text("outside")
    opened = os.open

    def exchange(path: str, *args: Any, **kwargs: Any) -> int:
        if path == "a.txt":
            (root / "notes").rename(root / "moved")
            (root / "notes").symlink_to(root.parent)
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", exchange)
    monkeypatch.setattr(os, "supports_dir_fd", os.supports_dir_fd | {exchange})
    assert tools["read_file"]("notes/a.txt") == "one\ntwo é\nthree\n"


def test_sockets_and_devices_are_refused(root: Path, tools: dict[str, FunctionTool[..., Any]]) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "socket"))
        with pytest.raises(ToolError):
            tools["read_file"]("socket")
    devices = {tool.name: tool for tool in files_factory("/dev")}
    with pytest.raises(ToolError, match="not a regular file"):
        devices["read_file"]("zero")


def test_large_files_are_refused(root: Path, tools: dict[str, FunctionTool[..., Any]]) -> None:
    (root / "large").write_text("x" * 1001)
    with pytest.raises(ToolError, match="more than 1000 bytes"):
        tools["read_file"]("large")


def test_a_folder_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ToolDefinitionError, match="no such folder"):
        files(tmp_path / "absent")
