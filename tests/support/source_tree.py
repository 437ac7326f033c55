"""The source tree for tests of conventions: its files, their parsed text and their imports. Each file is read once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("agentfast", "runtime", "tools")

Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def python_files(folder: Path) -> tuple[Path, ...]:
    """The .py files under `folder`, not through the two symlinks."""
    return tuple(sorted(path for path in folder.rglob("*.py") if not crosses_symlink(path)))


def crosses_symlink(path: Path) -> bool:
    return any(
        parent.is_symlink()
        for parent in [path, *path.parents]
        if parent.is_relative_to(ROOT) and parent != ROOT
    )


def source_files() -> list[Path]:
    return [path for name in SOURCES for path in python_files(ROOT / name)]


def everything() -> list[Path]:
    return source_files() + [
        path for name in ("tests", "bench", "examples") for path in python_files(ROOT / name)
    ]


def ident(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_name(path: Path) -> str:
    """The import name of a source file: runtime/core/log.py is agentfast.runtime.core.log."""
    relative = path.relative_to(ROOT).with_suffix("")
    parts = [part for part in relative.parts if part != "__init__"]
    return ".".join(parts if parts[0] == "agentfast" else ["agentfast", *parts])


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """All syntax nodes of a file, the module first."""
    return tuple(ast.walk(ast.parse(text_of(path))))


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring of a file: modules, classes, functions, and strings below an assignment."""
    for node in nodes_of(path):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            yield node.lineno, node.value.value


def module_docstring(path: Path) -> str | None:
    module = nodes_of(path)[0]
    return ast.get_docstring(module) if isinstance(module, ast.Module) else None


def definitions(path: Path) -> Iterator[Definition]:
    """The classes, functions and methods that a file defines."""
    return (node for node in nodes_of(path) if isinstance(node, Definition))


def snake_case(name: str) -> str:
    """SchemaRef and _schema_ref are schema_ref."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def imported_names(path: Path) -> Iterator[str]:
    """Dotted names that a file imports: at the top, inside functions and under TYPE_CHECKING."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def import_graph() -> Mapping[str, frozenset[str]]:
    """Each source module and the source modules that it imports. A package is its `__init__`."""
    files = {module_name(path): path for path in source_files()}

    def module_of(name: str) -> str:
        while name and name not in files:
            name = name.rpartition(".")[0]
        return name

    return {
        module: frozenset(map(module_of, imported_names(path))) - {module, ""}
        for module, path in files.items()
    }


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            component = [stack.pop()]
            while component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for node in graph:
        if node not in index:
            visit(node)
    return found
