"""The options of `agentfast bench`. Imports nothing heavy."""

from __future__ import annotations

import argparse

from agentfast.cli.arguments import DTYPES, AddParser, add_seed, amount, device, positive


def add_bench(add: AddParser) -> argparse.ArgumentParser:
    """The parser of the command."""
    bench = add(
        "bench",
        help="diffusion against autoregressive agents, on the same tasks",
        description="Work through the same held-out tasks with a diffusion and an autoregressive model, at several numbers "
        "of agents, and with an outside baseline if its libraries are installed. A MODEL is nano or nano-ar (embedded), a "
        "checkpoint directory, or an OpenAI-compatible server as http(s)://host/v1#model. The last line is JSON.",
    )
    bench.add_argument("--diffusion", default="nano", metavar="MODEL", help="in that seat (default: nano)")
    bench.add_argument(
        "--autoregressive", default="nano-ar", metavar="MODEL", help="in that seat (default: nano-ar)"
    )
    bench.add_argument(
        "--concurrency", type=positive, nargs="+", metavar="N", help="agents at once (default: 1 4 16 48)"
    )
    bench.add_argument(
        "--tasks", type=positive, metavar="N", help="in a run at least, and two for each agent (default: 48)"
    )
    bench.add_argument("--repeats", type=positive, metavar="N", help="of the whole (default: 3)")
    add_seed(bench, of="which tasks, and every random draw")
    bench.add_argument(
        "--temperature", type=amount, default=0.0, metavar="T", help="of every model (default: 0)"
    )
    bench.add_argument(
        "--limit",
        type=amount,
        metavar="MINUTES",
        help="begin no repeat that would end later, as the last one went (default: 14)",
    )
    bench.add_argument(
        "--outside-seconds",
        type=amount,
        metavar="S",
        help="for the outside baseline, in each repeat (default: 20)",
    )
    bench.add_argument("--no-outside", action="store_true", help="leave the outside baseline out")
    bench.add_argument(
        "--threads", type=positive, metavar="N", help="of the engine (default: torch's setting)"
    )
    bench.add_argument(
        "--device",
        type=device,
        default="cpu",
        metavar="DEVICE",
        help="where local models run, e.g. cuda (default: cpu)",
    )
    bench.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="of their weights (default: float32)"
    )
    bench.add_argument("--quick", action="store_true", help="a smoke test: a few tasks, figures of no worth")
    bench.add_argument(
        "--oracle",
        nargs="+",
        metavar="SPEED",
        help="instead: replay gold calls at these speeds, in tokens per second or STEPSxSECONDS/CANVAS",
    )
    bench.add_argument(
        "--shared-device", action="store_true", help="with --oracle: all requests share the speed"
    )
    bench.add_argument(
        "--tokenizer",
        metavar="FILE",
        help="with --oracle: a tokenizer.json to count tokens with (default: nano's)",
    )
    bench.add_argument("--out", metavar="FILE", help="write the whole report there, as JSON")
    bench.add_argument("--plots", metavar="DIR", help="write plots there (needs matplotlib)")
    bench.add_argument("--json", action="store_true", help="no table")
    return bench
