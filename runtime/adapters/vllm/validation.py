"""The one hook: requests with a constraint are taken over where vLLM validates their parameters.

It is on `SamplingParams.verify`, which vLLM's servers and its offline engine call for each request: the check of
structured outputs alone would come too late for seed and temperature, which are refused before it.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, Final

from agentfast.errors import AgentFastError, BudgetTooSmallError
from agentfast.runtime.adapters.vllm.checkpoint import failure_token, grammars_of
from agentfast.runtime.adapters.vllm.requests.read import KEY, constraint_of
from agentfast.runtime.adapters.vllm.sampling import set_aside

ARCHITECTURE: Final = "DiffusionGemmaForBlockDiffusion"
_MARK: Final = "of_agentfast"


def take_over_validation() -> None:
    """Put the hook in place. May be called again."""
    from vllm.sampling_params import SamplingParams

    original = SamplingParams.verify
    if getattr(original, _MARK, False):
        return

    @wraps(original)
    def verify(
        self: SamplingParams,
        model_config: Any,
        speculative_config: Any,
        structured_outputs_config: Any,
        tokenizer: Any,
    ) -> None:
        if ARCHITECTURE in model_config.architectures:
            refuse_or_take_over(self, model_config)
        original(self, model_config, speculative_config, structured_outputs_config, tokenizer)

    setattr(verify, _MARK, True)
    SamplingParams.verify = verify  # type: ignore[method-assign]


def refuse_or_take_over(params: Any, model_config: Any) -> None:
    """Move a constraint to where vLLM's own structured outputs do not see it; nothing for a free request.

    Raises:
        VLLMValidationError: it cannot be served. Servers answer with HTTP 400 and its text.
    """
    from vllm.exceptions import VLLMValidationError

    try:
        if constraint_of(params) is None:
            return
        grammars = grammars_of(model_config)
        constraint = constraint_of(params, grammars.ends)
        assert constraint is not None
        needed = grammars.least_tokens(grammars.compile(constraint))
        budget = min(params.max_tokens or model_config.max_model_len, model_config.max_model_len)
        if needed > budget:
            raise BudgetTooSmallError(needed, budget)
        set_aside(params)
    except AgentFastError as error:
        raise VLLMValidationError(str(error)) from error
    params.extra_args = {**(params.extra_args or {}), KEY: constraint.as_text()}
    params.structured_outputs = None
    params.stop_token_ids = sorted({*(params.stop_token_ids or ()), failure_token(grammars)})
