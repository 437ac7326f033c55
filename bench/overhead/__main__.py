"""The cost of the agent loop: `python -m bench.overhead`, beside other frameworks in environments of their own.

Every framework gets the same work: an async tool with three typed arguments, and a model that calls it in each turn but the
last. Measured are the CPU time per step (a turn of the model and its calls) with 50 runs at once on a model that answers at
once, for runs of 3 and of 31 steps; the CPU time per call with 50 calls in one turn; the steps per second on a model that
answers all waiting requests together after 20 ms; and the time of a fresh process to import the package, and to make an
agent. Each repeat starts a process for each framework in turn. `--setup` makes the environments. Run it on an idle machine.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from functools import partial
from pathlib import Path

from bench.overhead import measure, ours
from bench.overhead.environments import (
    OURS,
    PEERS,
    Contestant,
    default_folder,
    installed,
    interpreter,
    output_of,
    set_up,
    version_of,
)
from bench.overhead.summary import Figure, medians, summed_up, table

_IMPORT = "import time; start = time.perf_counter(); import {imports}; print(time.perf_counter() - start)"
_READY = (
    "import time; start = time.perf_counter(); from {driver} import agent_of;"
    " agent_of(3, 1, None); print(time.perf_counter() - start)"
)


def one_repeat(contestant: Contestant, python: Path) -> dict[str, float]:
    """All figures of a framework, measured once, in fresh processes."""
    figures: dict[str, float] = json.loads(
        output_of(python, "-m", "bench.overhead.measure", contestant.driver)
    )
    for name, code in (("import_s", _IMPORT), ("ready_s", _READY)):
        asked = code.format(imports=contestant.imports, driver=contestant.driver)
        figures[name] = float(output_of(python, "-c", asked))
    return figures


def after_history(repeats: int) -> dict[str, Figure]:
    """The CPU milliseconds per step of agentfast in runs of 31 steps after a conversation of so many turns."""
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        for turns in (0, 100, 1000):
            agent_of = partial(ours.agent_of, turns_before=turns)
            found.setdefault(f"after_{turns}_turns", []).append(
                measure.cpu_ms(agent_of, measure.LONG) / measure.LONG.steps
            )
    return {name: Figure.of(values) for name, values in found.items()}


def main() -> None:
    """Set the environments up, or measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", type=Path, default=default_folder(), help="folder of the environments")
    parser.add_argument(
        "--setup",
        type=Path,
        nargs="?",
        const=default_folder(),
        help="make the environments in a folder, and end",
    )
    options = parser.parse_args()
    if options.setup is not None:
        set_up(options.setup)
        print(json.dumps({"peers": str(options.setup)}))
        return
    pythons = {OURS: Path(sys.executable)}
    pythons |= {peer: interpreter(options.peers, peer.package) for peer in installed(options.peers)}
    for peer in PEERS:
        if peer not in pythons:
            print(f"{peer.package} is skipped: no environment in {options.peers}; --setup makes it")
    repeats: dict[Contestant, list[dict[str, float]]] = {contestant: [] for contestant in pythons}
    for _ in range(options.repeats):
        for contestant, python in pythons.items():
            repeats[contestant].append(one_repeat(contestant, python))
    figures = {
        OURS.package if contestant is OURS else f"{contestant.package} {version_of(python, contestant.package)}":
        summed_up(repeats[contestant])
        for contestant, python in pythons.items()
    }  # fmt: skip
    histories = after_history(options.repeats)
    print(f"{platform.machine()}, Python {platform.python_version()}, {options.repeats} repeats\n")
    print(table(figures))
    for name, figure in histories.items():
        print(f"CPU ms per step, 31 steps {name.replace('_', ' ')}: {figure}")
    mine, *others = figures.items()
    print(
        json.dumps(
            {
                **medians(mine[1]),
                **medians(histories),
                "peers": {name: medians(each) for name, each in others},
            }
        )
    )


if __name__ == "__main__":
    main()
