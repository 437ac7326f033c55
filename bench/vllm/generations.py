"""Constrained generations of random weights in vLLM's engine, beside free ones; ends by printing one JSON line.

    python -m bench.vllm.generations CHECKPOINT --count 1000 --async --blocks 40

Run it where vLLM is installed, see bench/vllm.sh. The engine runs in this process.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from jsonschema import Draft202012Validator

from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from bench.data.schemas import SCHEMAS, closed

LENGTH = 512
SCHEMAS_USED = 50
MOST_LEAST = 200
"""Tokens of the shortest output that a schema may have to be used here."""
EXTRA = (0, 1, 3, 8, 20, 60, 150)
"""Tokens of budget beyond the least."""


@dataclass(frozen=True)
class Task:
    """A request with a schema and a budget."""

    schema: Any
    budget: int
    prompt: str


def tasks(count: int, checkpoint: str) -> list[Task]:
    """Requests over varied schemas, with budgets from the least."""
    from agentfast.runtime.adapters.vllm.requests.compiled import Grammars

    random, grammars = Random(0), Grammars.from_checkpoint(checkpoint)
    usable: list[tuple[Any, int]] = []
    for schema in map(closed, SCHEMAS.values()):
        least = grammars.least_tokens(grammars.compile(Constraint({"json": schema})))
        if least <= MOST_LEAST:
            usable.append((schema, least))
    random.shuffle(usable)
    usable = usable[:SCHEMAS_USED]
    assert len(usable) == SCHEMAS_USED
    found: list[Task] = []
    for number in range(count):
        schema, least = usable[number % len(usable)]
        prompt = f"task {number} " * random.randint(1, 12)
        found.append(Task(schema, least + random.choice(EXTRA), prompt))
    return found


def keep_async_scheduling() -> None:
    """Have vLLM schedule asynchronously on a CPU, where it switches that off."""
    from vllm.platforms.cpu import CpuPlatform
    from vllm.v1.worker.gpu import async_utils

    original = CpuPlatform.check_and_update_config.__func__

    def keep(cls: Any, config: Any) -> None:
        original(cls, config)
        config.scheduler_config.async_scheduling = True

    CpuPlatform.check_and_update_config = classmethod(keep)
    # Up to 0.31, vLLM takes this copy for one, which it is from a GPU only: the next step would write over the output.
    async_utils.async_copy_to_np = _copied


def _copied(tensor: Any) -> Any:
    """An array with a copy of a tensor's numbers."""
    return tensor.to("cpu", copy=True).numpy()


def count_preemptions() -> list[str]:
    """A list to which each preemption adds its request's id."""
    from vllm.v1.core.sched.scheduler import Scheduler

    seen: list[str] = []
    original = Scheduler._preempt_request

    def preempt(self: Any, request: Any, *args: Any, **options: Any) -> Any:
        seen.append(request.request_id)
        return original(self, request, *args, **options)

    Scheduler._preempt_request = preempt
    return seen


def engine(checkpoint: str, **options: Any) -> Any:
    """vLLM's offline engine on the checkpoint."""
    from vllm import LLM

    return LLM(
        model=checkpoint,
        enforce_eager=True,
        dtype="float32",
        limit_mm_per_prompt={"image": 0, "video": 0},
        max_model_len=LENGTH,
        seed=0,
        **options,
    )


def generate(llm: Any, wanted: Sequence[Task], free: int) -> tuple[list[Any], list[Any]]:
    """Outputs of the constrained requests, and of free ones that are spread between them."""
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    prompts: list[str] = []
    params: list[Any] = []
    is_free: list[bool] = []
    for number, task in enumerate(wanted):
        prompts.append(task.prompt)
        asked = StructuredOutputsParams(json=json.dumps(task.schema))
        params.append(SamplingParams(max_tokens=task.budget, structured_outputs=asked))
        is_free.append(False)
        if free and number % max(len(wanted) // free, 1) == 0:
            prompts.append(f"free {number}")
            params.append(SamplingParams(max_tokens=64))
            is_free.append(True)
    outputs = llm.generate(prompts, params, use_tqdm=False)
    constrained = [output for output, one in zip(outputs, is_free, strict=True) if not one]
    return constrained, [output for output, one in zip(outputs, is_free, strict=True) if one]


def is_valid(task: Task, text: str) -> bool:
    """Test an output's text, behind the thought that may stand before it."""
    try:
        value = json.loads(text.rpartition("<channel|>")[2])
    except ValueError:
        return False
    return Draft202012Validator(task.schema).is_valid(value)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--free", type=int, default=50)
    parser.add_argument("--async", dest="asynchronous", action="store_true")
    parser.add_argument("--blocks", type=int, help="KV blocks; few of them make preemptions")
    parser.add_argument("--rows", type=int, default=16, help="requests in a batch at most")
    parser.add_argument("--ranks", type=int, default=1, help="tensor-parallel ranks")
    given = parser.parse_args()

    wanted = tasks(given.count, given.checkpoint)
    if given.asynchronous:
        keep_async_scheduling()
    preempted = count_preemptions()
    blocks = {} if given.blocks is None else {"num_gpu_blocks_override": given.blocks}
    llm = engine(
        given.checkpoint, max_num_seqs=given.rows, tensor_parallel_size=given.ranks, block_size=32, **blocks
    )
    began = time.perf_counter()
    outputs, free = generate(llm, wanted, given.free)
    seconds = time.perf_counter() - began
    print(json.dumps(report(llm, wanted, outputs, free, preempted) | {"seconds": round(seconds, 1)}))


def report(
    llm: Any, wanted: Sequence[Task], outputs: Sequence[Any], free: Sequence[Any], preempted: Sequence[str]
) -> dict[str, Any]:
    """What was seen; each wrong output is shown."""
    import vllm

    from agentfast.runtime.adapters.vllm.steps.metrics import STEPS
    from bench.vllm.checkpoint import vocabulary

    ends = vocabulary().eos_ids
    valid = complete = 0
    for task, output in zip(wanted, outputs, strict=True):
        got = output.outputs[0]
        good = is_valid(task, got.text)
        whole = (
            got.finish_reason == "stop" and got.token_ids[-1] in ends and len(got.token_ids) <= task.budget
        )
        valid, complete = valid + good, complete + whole
        if not (good and whole):
            print("WRONG", got.finish_reason, got.stop_reason, len(got.token_ids), task, repr(got.text))
    return {
        "version": vllm.__version__,
        "async": bool(llm.llm_engine.vllm_config.scheduler_config.async_scheduling),
        "ranks": llm.llm_engine.vllm_config.parallel_config.tensor_parallel_size,
        "generations": len(outputs),
        "schemas": len({json.dumps(task.schema) for task in wanted}),
        "valid": valid,
        "complete": complete,
        "canvases": sorted({-(-len(output.outputs[0].token_ids) // 32) for output in outputs}),
        "free": len(free),
        "preemptions": len(preempted),
        "ms_per_constrained_row_step": round(STEPS.milliseconds_per_row_step, 3),
        "row_steps": STEPS.rows,
    }


if __name__ == "__main__":
    main()
