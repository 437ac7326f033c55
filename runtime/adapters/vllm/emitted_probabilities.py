"""Log probabilities of constrained rows' tokens, among those that vLLM returns for other requests of the batch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from vllm.v1.outputs import LogprobsTensors

from agentfast.runtime.adapters.vllm.steps.effects import Emission

_UNKNOWN_RANK = 0

Block = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def with_probabilities(
    theirs: LogprobsTensors | None, emissions: Mapping[int, Emission], requests: int, device: torch.device
) -> LogprobsTensors | None:
    """vLLM's log probabilities of a step with those of constrained rows that ask for theirs.

    A constrained row's are those of each written token given the ones before it, under the constrained posterior of the
    canvas's last step; its ranks are 0.

    Args:
        emissions: of constrained rows, by index in the batch of `requests` requests.
    """
    asked = {index: emission for index, emission in emissions.items() if emission.log_p is not None}
    if not asked:
        return theirs
    width = 1 if theirs is None else theirs.logprobs.shape[1]
    bounds = _bounds(theirs, requests)
    blocks: list[Block] = []
    starts: list[int] = []
    total = 0
    for index in range(requests):
        starts.append(total)
        if index in asked:
            blocks.append(_block(asked[index], width, device))
        elif theirs is not None:
            part = slice(bounds[index], bounds[index + 1])
            blocks.append(
                (theirs.logprob_token_ids[part], theirs.logprobs[part], theirs.selected_token_ranks[part])
            )
        else:
            continue
        total += len(blocks[-1][0])
    ids, log_p, ranks = (torch.cat(parts) for parts in zip(*blocks, strict=True))
    return LogprobsTensors(ids, log_p, ranks, starts)


def _bounds(theirs: LogprobsTensors | None, requests: int) -> list[int]:
    """Begins of each request's rows in vLLM's tensors, and the end of the last one's."""
    if theirs is None:
        return []
    starts = theirs.cu_num_generated_tokens
    assert starts is not None
    return [*starts[:requests], len(theirs.logprobs)]


def _block(emission: Emission, width: int, device: torch.device) -> Block:
    """[n, width] ids and log probabilities, the written token's first, as wide as others need; [n] ranks."""
    count = emission.count
    known = torch.from_numpy(emission.log_p[:count]) if emission.log_p is not None else torch.zeros(0)
    ids = torch.zeros((count, width), dtype=torch.int64, device=device)
    log_p = torch.full((count, width), -torch.inf, dtype=torch.float32, device=device)
    ids[:, 0] = torch.from_numpy(emission.tokens[:count]).to(device)
    log_p[:, 0] = 0.0  # after the end token, where nothing is emitted
    log_p[: len(known), 0] = known.to(device, torch.float32)
    return ids, log_p, torch.full((count,), _UNKNOWN_RANK, dtype=torch.int64, device=device)
