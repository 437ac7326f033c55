"""The architecture, kept by tests: import directions, circles and the width of folders."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.support.source_tree import (
    ROOT,
    circles,
    everything,
    ident,
    import_graph,
    imported_names,
    python_files,
)

WIDEST_FOLDER = 14

# From the top down: a layer may import the layers below it. Folders of one layer may import each other, in no circle.
RUNTIME_LAYERS = (
    {"adapters"},
    {"engine"},
    {"decoding"},
    {"backends"},
    {"posterior", "scheduling", "confidence"},
    {"kvcache", "grammar", "model"},
    {"core"},
    {"jit"},
)
ADAPTERS_MAY_NOT_IMPORT = {"engine", "scheduling", "kvcache", "backends"}
AGENT_LAYERS = (
    {"nano.training"},
    {"cli"},
    {"server"},
    {"nano"},
    {"observe", "testing"},
    {"agent"},
    {"models"},
    {"runtime.adapters"},
    {"chat"},
    {"messages"},
    {"runtime", "tools"},
    {"errors", "lazy"},
)


def runtime_folder(module: str) -> str | None:
    """engine for agentfast.runtime.engine.metrics; None outside the runtime."""
    parts = module.split(".")
    return parts[2] if parts[1:2] == ["runtime"] and len(parts) > 2 else None


def agent_folder(module: str) -> str | None:
    """cli for agentfast.cli.chat; None for the package itself, which names everything that it exports."""
    if module.startswith("agentfast.nano.training"):
        return "nano.training"
    if module.startswith("agentfast.runtime.adapters"):
        return "runtime.adapters"
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else None


def ranks(layers: tuple[set[str], ...]) -> dict[str, int]:
    return {folder: -height for height, layer in enumerate(layers) for folder in layer}


def test_the_runtime_imports_nothing_of_the_agents() -> None:
    found = foreign_imports(ROOT / "runtime", ("agentfast.runtime", "agentfast.errors"))
    assert not [line for line in found if not line.startswith("runtime/adapters/")]


def test_the_tools_import_neither_the_runtime_nor_the_agents() -> None:
    assert not foreign_imports(ROOT / "tools", ("agentfast.tools", "agentfast.errors"))


def foreign_imports(folder: Path, allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{ident(path)} imports {name}"
        for path in python_files(folder)
        for name in imported_names(path)
        if name.split(".")[0] == "agentfast" and not name.startswith(allowed)
    ]


def test_the_layers_of_the_runtime_import_downwards_only() -> None:
    rank = ranks(RUNTIME_LAYERS)
    upward = [
        f"{module} imports {target}"
        for module, targets in import_graph().items()
        for target in targets
        if (here := runtime_folder(module)) and (there := runtime_folder(target))
        if rank[here] < rank[there]
    ]
    assert not upward


def test_the_layers_of_the_agents_import_downwards_only() -> None:
    rank = ranks(AGENT_LAYERS)
    upward = [
        f"{module} imports {target}"
        for module, targets in import_graph().items()
        for target in targets
        if (here := agent_folder(module)) and (there := agent_folder(target))
        if rank[here] < rank[there]
    ]
    assert not upward


def test_the_adapters_import_nothing_of_our_own_serving() -> None:
    """Another engine schedules, caches and computes in their place."""
    foreign = [
        f"{module} imports {target}"
        for module, targets in import_graph().items()
        for target in targets
        if runtime_folder(module) == "adapters"
        if runtime_folder(target) in ADAPTERS_MAY_NOT_IMPORT
    ]
    assert not foreign


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = circles(import_graph())
    assert not found


def test_no_folders_of_the_runtime_import_each_other_in_a_circle() -> None:
    folders: dict[str, set[str]] = defaultdict(set)
    for module, targets in import_graph().items():
        if here := runtime_folder(module):
            folders[here].update(there for target in targets if (there := runtime_folder(target)))
    graph = {folder: frozenset(targets - {folder}) for folder, targets in folders.items()}
    assert not circles(graph)


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


def test_no_folder_is_too_wide_to_take_in_at_a_glance() -> None:
    folders = {path.parent for path in everything()}
    folders |= {parent for folder in folders for parent in folder.parents if parent.is_relative_to(ROOT)}
    wide = {
        ident(folder): len(inside) for folder in folders if len(inside := entries(folder)) > WIDEST_FOLDER
    }
    assert not wide


def entries(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if path.name not in ("__init__.py", "__pycache__", "build")
        if not path.is_symlink() and not path.name.startswith(".") and path.suffix != ".egg-info"
    ]
