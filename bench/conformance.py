"""Conformance to JSON Schema: the official test suite, required part of one draft.

    python -m bench.conformance [--draft draft2020-12] [--suite DIR] [--peers llguidance,xgrammar,outlines_core]

For every group of the suite the schema is compiled (as the specification says: closed=False, `format` an annotation),
then each instance is written as compact JSON and read by the automaton that generates. The suite's `remotes` are given as
`documents`, under the URIs that it says; the peers take no further documents. A group is right if every
verdict is the expected one, refused if the schema does not compile (or not in time). Peers read the same texts, each in
a process that is given SECONDS per group.

The suite comes inside the `jsonschema` source distribution, under `json/`; without --suite, or a folder in
AGENTFAST_JSON_SCHEMA_SUITE, pip downloads it. The last line is JSON: agentfast's own counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from agentfast.errors import ConfigError, GrammarError
from agentfast.runtime.grammar import Grammar, compile_schema
from bench.grammar.peers import PEERS

VARIABLE: Final = "AGENTFAST_JSON_SCHEMA_SUITE"
SECONDS: Final = 20.0
REMOTES: Final = "http://localhost:1234/"
DRAFTS: Final = {
    "draft4": "http://json-schema.org/draft-04/schema#",
    "draft6": "http://json-schema.org/draft-06/schema#",
    "draft7": "http://json-schema.org/draft-07/schema#",
    "draft2019-09": "https://json-schema.org/draft/2019-09/schema",
    "draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}
"""Folders of the suite, each with its `$schema`, which the schemas of older ones leave out."""
PROJECT: Final = "jsonschema"
VERSION: Final = "4.26.0"
COUNTS: Final = ("groups", "right", "refused", "wrong_accepts", "wrong_rejects")


@dataclass(frozen=True)
class Group:
    """One schema with instances, as JSON texts, and the verdicts expected."""

    file: str
    name: str
    schema: Any
    texts: tuple[str, ...]
    expected: tuple[bool, ...]


Judge = Callable[[Group], Awaitable[list[bool] | None]]
"""The verdicts on a group's texts; None where the schema is refused."""


def find_suite(folder: str | None) -> Path:
    """The folder with the suite's `tests`, given or in the environment.

    Raises:
        ConfigError: there is no suite in it.
    """
    start = Path(folder or os.environ.get(VARIABLE, ""))
    for path in (start, start / "json", *start.glob("*/json")):
        if (path / "tests" / "draft2020-12").is_dir():
            return path
    raise ConfigError(f"no JSON Schema test suite in {start}", hint="unpack the jsonschema sdist from PyPI")


def download(folder: str) -> Path:
    """Fetch the suite with pip, from the index that pip is set up for.

    pip asks a source distribution for its metadata, which takes the distribution's build tools. They go into an
    environment of pip's own, so that none need to be installed here.

    Raises:
        ConfigError: there is no pip, or it cannot fetch the distribution.
    """
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", PROJECT]
    done = subprocess.run(
        [*command, "-d", folder, f"{PROJECT}=={VERSION}"], capture_output=True, text=True, check=False
    )
    archives = list(Path(folder).glob("*.tar.gz"))
    if done.returncode or not archives:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise ConfigError(
            f"pip could not fetch {PROJECT} {VERSION}: {said[-1]}",
            hint=f"unpack its source distribution from PyPI and say --suite DIR, or set ${VARIABLE}",
        )
    with tarfile.open(archives[0]) as tar:
        tar.extractall(folder, filter="data")
    return find_suite(folder)


def groups(suite: Path, draft: str = "draft2020-12") -> Iterator[Group]:
    """Every group of a draft's required part, in order."""
    for path in sorted((suite / "tests" / draft).glob("*.json")):
        for group in json.loads(path.read_text(encoding="utf-8")):
            schema = group["schema"]
            yield Group(
                path.stem,
                group["description"],
                {"$schema": DRAFTS[draft], **schema} if isinstance(schema, dict) else schema,
                tuple(compact(test["data"]) for test in group["tests"]),
                tuple(test["valid"] for test in group["tests"]),
            )


def remotes(suite: Path) -> dict[str, Any]:
    """The documents that its schemas refer to, by URI."""
    folder = suite / "remotes"
    return {
        REMOTES + path.relative_to(folder).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.json"))
    }


def compact(value: Any) -> str:
    """JSON without whitespace, Unicode as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def compiled(group: Group, documents: dict[str, Any]) -> Grammar:
    """Its grammar, as the suite wants schemas read.

    Raises:
        GrammarError: the schema is refused.
    """
    return compile_schema(group.schema, closed=False, assert_format=False, documents=documents)


def verdicts(group: Group, documents: dict[str, Any]) -> list[bool] | None:
    """agentfast's verdicts."""
    try:
        grammar = compiled(group, documents)
    except GrammarError:
        return None
    return [grammar.accepts(text) for text in group.texts]


class Own:
    """agentfast, in this process."""

    def __init__(self, suite: Path) -> None:
        self._documents = remotes(suite)

    async def __call__(self, group: Group) -> list[bool] | None:
        return verdicts(group, self._documents)


class Peer:
    """A peer in its process, which is started again when it does not answer in time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process: asyncio.subprocess.Process | None = None

    async def __call__(self, group: Group) -> list[bool] | None:
        if self._process is None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bench.grammar.peers", self._name,
                stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=1 << 24,
            )  # fmt: skip
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        writer.write(json.dumps({"schema": group.schema, "texts": group.texts}).encode() + b"\n")
        try:
            line = await asyncio.wait_for(reader.readline(), SECONDS)
        except TimeoutError:
            line = b""
        if not line:
            await self.close()
            return None
        answer: dict[str, list[bool]] = json.loads(line)
        return answer.get("accepts")

    async def close(self) -> None:
        """End the process."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None


async def tally(suite: Path, judge: Judge, draft: str = "draft2020-12") -> dict[str, Counter[str]]:
    """Counts by file of the suite."""
    found: dict[str, Counter[str]] = {}
    for group in groups(suite, draft):
        counts = found.setdefault(group.file, Counter(dict.fromkeys(COUNTS, 0)))
        counts["groups"] += 1
        said = await judge(group)
        if said is None:
            counts["refused"] += 1
            continue
        counts["right"] += tuple(said) == group.expected
        for verdict, expected in zip(said, group.expected, strict=True):
            if verdict != expected:
                counts["wrong_accepts" if verdict else "wrong_rejects"] += 1
    return found


def total(found: dict[str, Counter[str]]) -> dict[str, int]:
    """The counts of all files."""
    return {name: sum(counts[name] for counts in found.values()) for name in COUNTS}


def table(results: dict[str, dict[str, Counter[str]]]) -> Iterator[str]:
    """A row per file: groups, then right/refused/wrong accepts/wrong rejects of each compiler."""
    yield "right / refused / wrong accepts / wrong rejects".rjust(75)
    yield f"{'keyword':<24}{'groups':>7}" + "".join(f"{name:>22}" for name in results)
    first = next(iter(results.values()))
    for file, counts in first.items():
        yield _row(file, counts["groups"], [found[file] for found in results.values()])
    yield _row("all", total(first)["groups"], [Counter(total(found)) for found in results.values()])


def _row(name: str, size: int, cells: list[Counter[str]]) -> str:
    shown = (" / ".join(f"{counts[column]:>3}" for column in COUNTS[1:]) for counts in cells)
    return f"{name:<24}{size:>7}" + "".join(f"{cell:>22}" for cell in shown)


async def compare(suite: Path, peers: list[str], draft: str) -> dict[str, dict[str, Counter[str]]]:
    """agentfast and its peers on the same groups."""
    results = {"agentfast": await tally(suite, Own(suite), draft)}
    for name in peers:
        peer = Peer(name)
        try:
            results[name] = await tally(suite, peer, draft)
        finally:
            await peer.close()
    return results


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="The official JSON Schema test suite; see the module.")
    parser.add_argument(
        "--suite", help=f"the suite's folder, or an unpacked jsonschema sdist; else ${VARIABLE}"
    )
    parser.add_argument("--peers", default=",".join(PEERS), help="compilers to run beside; may be empty")
    parser.add_argument("--draft", choices=DRAFTS, default="draft2020-12", help="the folder of the suite")
    options = parser.parse_args()
    peers = [name for name in options.peers.split(",") if name]
    with TemporaryDirectory() as folder:
        known = options.suite or os.environ.get(VARIABLE)
        try:
            suite = find_suite(known) if known else download(folder)
        except ConfigError as error:
            parser.error(str(error))
        results = asyncio.run(compare(suite, peers, options.draft))
    for line in table(results):
        print(line)
    own = total(results["agentfast"])
    print(json.dumps(own))
    return int(own["wrong_accepts"] + own["wrong_rejects"] > 0)


if __name__ == "__main__":
    sys.exit(main())
