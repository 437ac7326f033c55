"""A batch of free requests in vLLM with the plugin and without it, token for token; prints one JSON line.

python -m bench.vllm.free_rows CHECKPOINT
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from bench.vllm.generations import engine, keep_async_scheduling

COUNT = 24
_HERE = "bench.vllm.free_rows"
_LINE = "tokens: "


def tokens(checkpoint: str, *, asynchronous: bool) -> list[list[int]]:
    """What the requests generate, from a fixed seed of the engine."""
    from vllm import SamplingParams

    if asynchronous:
        keep_async_scheduling()
    llm: Any = engine(checkpoint, max_num_seqs=8, block_size=32)
    prompts = [f"free {number} " * (1 + number % 7) for number in range(COUNT)]
    outputs = llm.generate(prompts, SamplingParams(max_tokens=150), use_tqdm=False)
    return [list(output.outputs[0].token_ids) for output in outputs]


def in_process(checkpoint: str, plugins: str, *, asynchronous: bool) -> list[list[int]]:
    """The same in a process of its own, with some of vLLM's plugins."""
    command = [sys.executable, "-m", _HERE, checkpoint, "--alone"]
    ran = subprocess.run(
        [*command, "--async"] if asynchronous else command,
        env=os.environ | {"VLLM_PLUGINS": plugins},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    line = next(line for line in ran.stdout.splitlines() if line.startswith(_LINE))
    found: list[list[int]] = json.loads(line.removeprefix(_LINE))
    return found


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--alone", action="store_true", help="generate in this process, and print the tokens")
    parser.add_argument("--async", dest="asynchronous", action="store_true")
    given = parser.parse_args()
    if given.alone:
        print(_LINE + json.dumps(tokens(given.checkpoint, asynchronous=given.asynchronous)))
        return
    equal: list[bool] = []
    count = 0
    for asynchronous in (False, True):
        without = in_process(given.checkpoint, "on_cpu", asynchronous=asynchronous)
        equal.append(without == in_process(given.checkpoint, "on_cpu,agentfast", asynchronous=asynchronous))
        count += sum(map(len, without))
    print(json.dumps({"free_rows": COUNT, "tokens": count, "free_rows_equal": all(equal)}))


if __name__ == "__main__":
    main()
