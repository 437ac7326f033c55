"""One JSON line of what the programs beside this wrote to a folder: `python -m bench.vllm.summary FOLDER VERSION...`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def summary(folder: Path, versions: list[str]) -> dict[str, Any]:
    """What was seen, summed over the runs."""
    runs = [_read(folder / f"{name}.json") for name in ("asynchronous", "synchronous", "ranks")]
    server = _read(folder / "server.json")
    total = sum(run["generations"] for run in runs)
    return {
        "versions": versions,
        "generations": total,
        "valid": sum(run["valid"] for run in runs),
        "complete": sum(run["complete"] for run in runs),
        "preemptions": sum(run["preemptions"] for run in runs),
        "free_rows_equal": _read(folder / "free_rows.json")["free_rows_equal"],
        "edges_ok": _read(folder / "edges.json")["edges_ok"],
        "http_ok": server["http_ok"],
        "tool_calls": server["calls"],
        "ms_per_constrained_row_step": runs[0]["ms_per_constrained_row_step"],
    }


def _read(file: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(file.read_text())
    return read


if __name__ == "__main__":
    print(json.dumps(summary(Path(sys.argv[1]), sys.argv[2:])))
