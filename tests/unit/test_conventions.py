"""The project's rules, kept by tests: packages, import directions, exports, a light import, plain speech."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentfast import errors

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "agentfast": ROOT / "agentfast",
    "agentfast.runtime": ROOT / "runtime",
    "agentfast.tools": ROOT / "tools",
}
TRAINING = ROOT / "agentfast" / "nano" / "training"  # not in the wheel
HEAVY = ("torch", "numpy", "numba", "rich", "transformers", "tokenizers", "safetensors")


def python_files(folder: Path) -> list[Path]:
    """The .py files under `folder`, not through the two symlinks."""
    found = [path for path in folder.rglob("*.py") if not crosses_symlink(path)]
    return sorted(found)


def crosses_symlink(path: Path) -> bool:
    return any(
        parent.is_symlink()
        for parent in [path, *path.parents]
        if parent.is_relative_to(ROOT) and parent != ROOT
    )


def module_name(path: Path) -> str:
    """The import name of a source file: runtime/x/y.py is agentfast.runtime.x.y."""
    relative = path.relative_to(ROOT).with_suffix("")
    parts = [part for part in relative.parts if part != "__init__"]
    return ".".join(parts if parts[0] == "agentfast" else ["agentfast", *parts])


def source_files() -> list[Path]:
    return [path for folder in SOURCES.values() for path in python_files(folder)]


def everything() -> list[Path]:
    return source_files() + [
        path for name in ("tests", "bench", "examples") for path in python_files(ROOT / name)
    ]


def imported_names(path: Path) -> Iterator[str]:
    """Every module that a file imports, at the top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ident(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_package_list_is_the_tree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = project["tool"]["setuptools"]["packages"]
    in_tree = {
        module_name(path)
        for path in source_files()
        if path.name == "__init__.py" and not path.is_relative_to(TRAINING)
    }
    assert sorted(listed) == sorted(in_tree)


def test_the_embedded_weights_are_packaged_and_small() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns: list[str] = project["tool"]["setuptools"]["package-data"]["agentfast"]
    packaged = {path for pattern in patterns for path in (ROOT / "agentfast").glob(pattern)}
    for folder in ("weights", "weights_ar"):
        weights = [path for path in (ROOT / "agentfast" / "nano" / folder).rglob("*") if path.is_file()]
        assert set(weights) <= packaged
        assert sum(path.stat().st_size for path in weights) <= 16 * 2**20


def test_every_folder_with_code_is_a_package() -> None:
    bare = {path.parent for path in source_files() if not (path.parent / "__init__.py").exists()}
    assert not bare


def test_the_symlinks_point_at_the_top_level_folders() -> None:
    for name in ("runtime", "tools"):
        link = ROOT / "agentfast" / name
        assert link.is_symlink()
        assert link.readlink() == Path("..") / name


def test_the_runtime_imports_nothing_of_the_agents() -> None:
    assert not foreign_imports(ROOT / "runtime", ("agentfast.runtime", "agentfast.errors"))


def test_the_tools_import_neither_the_runtime_nor_the_agents() -> None:
    assert not foreign_imports(ROOT / "tools", ("agentfast.tools", "agentfast.errors"))


def foreign_imports(folder: Path, allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{ident(path)} imports {name}"
        for path in python_files(folder)
        for name in imported_names(path)
        if name.split(".")[0] == "agentfast" and not name.startswith(allowed)
    ]


def test_the_scheduler_needs_no_torch() -> None:
    names = list(imported_names(ROOT / "runtime" / "scheduling" / "scheduler.py"))
    assert not [name for name in names if name.split(".")[0] == "torch"]


def test_nothing_imports_the_source_folders_by_their_bare_names() -> None:
    wrong = [
        f"{ident(path)} imports {name}"
        for path in everything()
        for name in imported_names(path)
        if name.split(".")[0] in ("runtime", "tools")
    ]
    assert not wrong


def test_importing_agentfast_is_light() -> None:
    script = f"import agentfast, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_every_exported_name_exists() -> None:
    missing: list[str] = []
    for path in source_files():
        if "__all__" not in path.read_text(encoding="utf-8"):
            continue
        module = importlib.import_module(module_name(path))
        missing += [f"{module.__name__}.{name}" for name in module.__all__ if not hasattr(module, name)]
    assert not missing


def test_the_public_names_are_listed_once_and_found_by_dir() -> None:
    agentfast = importlib.import_module("agentfast")
    assert len(agentfast.__all__) == len(set(agentfast.__all__))
    assert set(agentfast.__all__) <= set(dir(agentfast))


def test_the_exception_tree_in_the_docstring_is_the_real_one() -> None:
    assert errors.__doc__ is not None
    drawn: list[tuple[int, str]] = []
    for line in errors.__doc__.splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ")
        if words.startswith("    ") and words.split()[0].endswith("Error"):
            drawn.append((len(words) - len(words.lstrip()), words.split()[0]))
    classes = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls)}
    assert sorted(name for _, name in drawn) == sorted(classes)
    for index, (depth, name) in enumerate(drawn[1:], 1):
        parent = next(other for other_depth, other in reversed(drawn[:index]) if other_depth < depth)
        assert classes[parent] in classes[name].__bases__, f"{name} is drawn under {parent}"


@pytest.mark.parametrize("path", everything(), ids=ident)
def test_every_module_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree)


# Spelled apart, so that this file is not what it looks for.
UNWANTED = (
    "/wo" + "rk/",
    "/ro" + "ot/",
    "/opt/" + "pypi",
    "TO" + "DO",
    "FIX" + "ME",
    "XX" + "X",
    "<" * 7 + " ",
)


def text_files() -> list[Path]:
    documents = [path for pattern in ("*.md", "*.toml", "*.yaml") for path in sorted(ROOT.glob(pattern))]
    return [*everything(), *documents, ROOT / ".ci" / "run"]


@pytest.mark.parametrize("path", text_files(), ids=ident)
def test_no_file_speaks_of_unfinished_work_or_of_the_machine_it_was_written_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [word for word in UNWANTED if word in text]
