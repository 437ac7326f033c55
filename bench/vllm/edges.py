"""Requests at the edges of vLLM's engine, each beside ordinary ones; ends by printing one JSON line.

    python -m bench.vllm.edges CHECKPOINT

Outputs that end where the context does, where canvases become shorter; outputs for which the context is too short;
requests that are given up in the middle of a canvas; prompts that are read in pieces and that are found in the cache.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from typing import Any

from bench.vllm.generations import LENGTH, engine, keep_async_scheduling

ROOM = range(4, 150, 7)
"""Tokens that are left in the context behind the prompt."""


def text_of(length: int) -> Any:
    """Parameters of a request for text of so many letters, in as many tokens as the context has."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    return SamplingParams(
        max_tokens=LENGTH, structured_outputs=StructuredOutputsParams(regex=f"[a-z]{{{length}}}")
    )


def prompt_of(tokens: int) -> dict[str, list[int]]:
    """A prompt of so many tokens."""
    return {"prompt_token_ids": [40 + at % 50 for at in range(tokens)]}


def at_the_end_of_the_context(llm: Any) -> list[str]:
    """Texts that take all that is left: each letter may be a token, and the end is one."""
    asked = [(prompt_of(LENGTH - room), text_of(room - 1)) for room in ROOM]
    outputs = llm.generate([prompt for prompt, _ in asked], [params for _, params in asked], use_tqdm=False)
    wrong: list[str] = []
    for room, output in zip(ROOM, outputs, strict=True):
        got = output.outputs[0]
        if got.finish_reason != "stop" or not re.fullmatch(f"[a-z]{{{room - 1}}}", got.text):
            wrong.append(f"room {room}: {got.finish_reason} {got.stop_reason} {got.text!r}")
    return wrong


def beyond_the_context(llm: Any) -> list[str]:
    """Too little room for the shortest output: these end at once by the failure token, and those beside them go on."""
    rooms = (3, 20, 80)
    prompts = [prompt_of(LENGTH - room) for room in rooms for _ in range(2)]
    lengths = [length for room in rooms for length in (12 * room, room - 1)]
    outputs = llm.generate(prompts, [text_of(length) for length in lengths], use_tqdm=False)
    wrong: list[str] = []
    for at, (length, output) in enumerate(zip(lengths, outputs, strict=True)):
        got = output.outputs[0]
        failed = got.stop_reason == 0 and not got.text
        if failed is not (at % 2 == 0) or not (failed or re.fullmatch(f"[a-z]{{{length}}}", got.text)):
            wrong.append(f"length {length}: {got.finish_reason} {got.stop_reason} {got.text!r}")
    return wrong


def given_up(llm: Any) -> list[str]:
    """Half of the requests are aborted after some steps; the other half takes their slots, among others."""
    made = llm.llm_engine
    for number in range(24):
        made.add_request(f"edge-{number}", prompt_of(20 + number), text_of(70 + number))
    texts: dict[str, Any] = {}
    steps = 0
    while made.has_unfinished_requests():
        for output in made.step():
            if output.finished:
                texts[output.request_id.split("-")[1]] = output.outputs[0]
        steps += 1
        if steps % 3 == 0 and steps // 3 < 12:
            made.abort_request([f"edge-{2 * (steps // 3)}"])
    wrong: list[str] = []
    for number in [0, *range(1, 24, 2)]:
        got = texts.get(str(number))
        if got is None or not re.fullmatch(f"[a-z]{{{70 + number}}}", got.text):
            wrong.append(f"request {number}: {got}")
    return wrong


def run(llm: Any) -> dict[str, Sequence[str]]:
    """What went wrong, by kind."""
    return {
        "end_of_context": at_the_end_of_the_context(llm),
        "beyond_context": beyond_the_context(llm),
        "again": at_the_end_of_the_context(llm),
        "given_up": given_up(llm),
    }


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--sync", action="store_true", help="do not schedule asynchronously")
    given = parser.parse_args()
    if not given.sync:
        keep_async_scheduling()
    llm = engine(
        given.checkpoint,
        max_num_seqs=8,
        block_size=32,
        max_num_batched_tokens=96,
        enable_chunked_prefill=True,
        enable_prefix_caching=True,
    )
    wrong = run(llm)
    for kind, found in wrong.items():
        for line in found:
            print("WRONG", kind, line)
    print(
        json.dumps(
            {"edges_ok": not any(wrong.values()), **{kind: len(found) for kind, found in wrong.items()}}
        )
    )


if __name__ == "__main__":
    main()
