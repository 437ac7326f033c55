"""Conventions, kept by tests: packages, exports, a light import, the exception tree, names and sentences."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import agentfast.agent.errors
import agentfast.agent.run.saved
import agentfast.errors
from tests.support.source_tree import (
    ROOT,
    definitions,
    docstrings,
    everything,
    ident,
    module_docstring,
    module_name,
    python_files,
    snake_case,
    source_files,
    text_of,
)

TRAINING = ROOT / "agentfast" / "nano" / "training"  # not in the wheel
HEAVY = ("torch", "numpy", "numba", "rich", "transformers", "tokenizers", "safetensors")


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
    weights = ROOT / "agentfast" / "nano" / "weights"
    assert {path for path in weights.rglob("*") if path.is_file()} <= packaged
    for folder in (weights / "diffusion", weights / "autoregressive"):
        assert sum(path.stat().st_size for path in folder.rglob("*")) <= 16 * 2**20


def test_every_folder_with_code_is_a_package() -> None:
    bare = {path.parent for path in source_files() if not (path.parent / "__init__.py").exists()}
    assert not bare


def test_the_symlinks_point_at_the_top_level_folders() -> None:
    for name in ("runtime", "tools"):
        link = ROOT / "agentfast" / name
        assert link.is_symlink()
        assert link.readlink() == Path("..") / name


def test_importing_agentfast_is_light() -> None:
    script = f"import agentfast, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_every_exported_name_exists() -> None:
    missing: list[str] = []
    for path in source_files():
        if "__all__" not in text_of(path):
            continue
        module = importlib.import_module(module_name(path))
        missing += [f"{module.__name__}.{name}" for name in module.__all__ if not hasattr(module, name)]
    assert not missing


def test_the_public_names_are_listed_once_and_found_by_dir() -> None:
    agentfast = importlib.import_module("agentfast")
    assert len(agentfast.__all__) == len(set(agentfast.__all__))
    assert set(agentfast.__all__) <= set(dir(agentfast))


def test_the_exception_tree_in_the_docstring_is_the_real_one() -> None:
    tree = agentfast.errors.__doc__
    assert tree is not None
    drawn: list[tuple[int, str]] = []
    for line in tree.splitlines():
        words = line.replace("├──", "   ").replace("└──", "   ").replace("│", " ")
        if words.startswith("    ") and words.split()[0][0].isupper():
            drawn.append((len(words) - len(words.lstrip()), words.split()[0]))
    classes = {
        name: cls
        for module in (agentfast.errors, agentfast.agent.errors, agentfast.agent.run.saved)
        for name, cls in vars(module).items()
        if inspect.isclass(cls) and issubclass(cls, agentfast.errors.AgentFastError)
    }
    assert sorted(name for _, name in drawn) == sorted(classes)
    for index, (depth, name) in enumerate(drawn[1:], 1):
        parent = next(other for other_depth, other in reversed(drawn[:index]) if other_depth < depth)
        assert classes[parent] in classes[name].__bases__, f"{name} is drawn under {parent}"


def test_every_module_says_what_it_is() -> None:
    silent = [ident(path) for path in everything() if text_of(path).strip() and not module_docstring(path)]
    assert not silent


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


def test_no_file_speaks_of_unfinished_work_or_of_the_machine_it_was_written_on() -> None:
    documents = [path for pattern in ("*.md", "docs/*.md", "*.toml", "*.yaml") for path in ROOT.glob(pattern)]
    files = [*everything(), *documents, ROOT / ".ci" / "run"]
    found = [f"{ident(path)}: {word}" for path in files for word in UNWANTED if word in text_of(path)]
    assert not found


FILE_NAME = re.compile(r"(?<![\w./])[\w/]+\.py\b")


def test_every_source_file_that_a_text_names_exists() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    paths = ["/" + ident(path) for path in everything()]
    gone = [
        f"{ident(path)}: {name}"
        for path in [*source_files(), *python_files(ROOT / "bench"), *documents]
        for name in FILE_NAME.findall(text_of(path))
        if not any(known.endswith("/" + name) for known in paths)
    ]
    assert not gone


# A docstring begins with a noun phrase or an imperative, in the terms of the field.
QUESTION_WORDS = {"What", "Which", "How", "Whether", "Where", "Who", "When"}


def test_no_docstring_begins_with_a_question_word() -> None:
    found = [
        f"{ident(path)}:{line}: {text.splitlines()[0]}"
        for path in source_files()
        for line, text in docstrings(path)
        if text.split()[0].rstrip(",.:") in QUESTION_WORDS
    ]
    assert not found


# Names that a private dialect had for things of the field, in snake case, and the field's own. "folder/name" holds for
# that folder of the runtime, a bare name for all of the runtime.
RETIRED_MODULES = {
    "array_kernels": "arrays",
    "atoms": "subschemas",
    "blocks": "transition_tables",
    "cache_folder": "host",
    "chain_kernels": "forward_backward_kernels",
    "class_kernels": "class_logits_kernels",
    "class_space": "class_logits",
    "convert": "foreign",
    "cores": "host",
    "drafts": "verify",
    "draws": "random_streams",
    "few_tokens": "short_rows",
    "fused": "fused_model",
    "inside": "string_lift",
    "intake": "admission",
    "kernel_cache": "disk_cache",
    "lengths": "canvas_length",
    "loop": "run",
    "matching": "dfa",
    "meeting": "barrier",
    "opening": "first_token",
    "panel_attention": "row_kv",
    "panel_kernels": "tiled_attention",
    "parts": "parallel",
    "pieces": "class_chunks",
    "places": "nfa",
    "plain_rules": "assertions",
    "plan": "trellis",
    "products": "matmul",
    "rehearsal": "warm_up",
    "room": "scratch",
    "row_kernels": "batch_attention",
    "settings": "config",
    "shadow": "unique_keys",
    "spans": "batch_layout",
    "spelling": "tokenizations",
    "support": "keyword_notes",
    "terms": "alternatives",
    "vector_kernels": "simd_math",
    "vectors": "simd",
    "verification": "acceptance",
    "ways": "forward_backward",
    "words": "enumerate",
    "worker": "step_thread",
    "written": "nodes",
}
RETIRED_CLASSES = {
    "class_space": "ClassLogits",
    "draws": "RandomStreams",
    "few_tokens": "ShortRows",
    "grammar/atom": "Subschema",
    "grammar/inside": "StringLift",
    "grammar/pieces": "ClassChunks",
    "grammar/place": "SchemaRef",
    "grammar/places": "Nfa",
    "grammar/plain": "Assertions",
    "grammar/shadow": "UniqueKeys",
    "grammar/support": "KeywordNote",
    "grammar/term": "Alternative",
    "intake": "Admission",
    "meeting": "Barrier",
    "panel_attention": "RowKV",
    "part": "TokenSlice",
    "plan": "Trellis",
    "plan_cache": "TrellisCache",
    "room": "ScratchBuffers",
    "row_panels": "RowKV",
    "spelling": "Tokenizations",
    "ways": "WeightedPaths",
    "work": "ScheduledRow",
    "worker": "StepThread",
}
RETIRED_FUNCTIONS = {
    "attend_few": "attend_short",
    "decoding/looks_ahead": "wants_next_logits",
    "decoding/reach": "max_kv_positions",
    "grammar/atoms_of": "subschemas_of",
    "grammar/inside_of": "string_lift_of",
    "grammar/pieces_of": "chunks_of",
    "grammar/plain_rules": "assertions_of",
    "grammar/shadow_of": "unique_keys_of",
    "grammar/terms": "alternatives",
    "grammar/written": "encoded",
    "meet": "wait_for_all",
    "rehearse": "warm_up",
    "room_for": "scratch_for",
    "settle_opening": "restrict_first_token",
    "spelling_of": "tokenizations_of",
    "ways_through": "paths_through",
}


def test_no_name_in_the_runtime_is_a_retired_word() -> None:
    found: list[str] = []
    for path in python_files(ROOT / "runtime"):
        folder = path.relative_to(ROOT / "runtime").parts[0]
        named = [(path.stem, RETIRED_MODULES)]
        named += [
            (node.name, RETIRED_CLASSES if isinstance(node, ast.ClassDef) else RETIRED_FUNCTIONS)
            for node in definitions(path)
        ]
        for name, retired in named:
            word = snake_case(name)
            better = retired.get(word) or retired.get(f"{folder}/{word}")
            if better:
                found.append(f"{ident(path)}: {name} -> {better}")
    assert not found


# Names that once meant several things each; now at most one class of the runtime has each.
ONE_MEANING = {"Choice", "Field", "Part", "Place", "Reading"}


def test_one_word_names_one_class() -> None:
    homes: dict[str, list[str]] = {name: [] for name in sorted(ONE_MEANING)}
    for path in python_files(ROOT / "runtime"):
        for node in definitions(path):
            if node.name in ONE_MEANING:
                homes[node.name].append(ident(path))
    several = {name: paths for name, paths in homes.items() if len(paths) > 1}
    assert not several, several
