"""vLLM's DiffusionGemma with a sampler that knows grammars. Nothing of vLLM's model is copied."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from vllm.logger import init_logger
from vllm.model_executor.models import diffusion_gemma as theirs

from agentfast.runtime.adapters.vllm.checkpoint import failure_token, grammars_of
from agentfast.runtime.adapters.vllm.requests.read import constraint_of
from agentfast.runtime.adapters.vllm.sampler import ConstrainedSampler
from agentfast.runtime.adapters.vllm.sampling import settings_of
from agentfast.runtime.adapters.vllm.steps.metrics import STEPS
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, RowSettings
from agentfast.runtime.adapters.vllm.warm_up import warm_up
from agentfast.runtime.grammar import TokenGrammar

_COMPILING_THREADS = 2

logger = init_logger("vllm.agentfast")


class ConstrainedDiffusionGemma(theirs.DiffusionGemmaForConditionalGeneration):
    """The model; `get_model_state_cls` is the door through which the rest comes in."""

    @staticmethod
    def get_model_state_cls() -> type[ConstrainedModelState]:
        return ConstrainedModelState


class ConstrainedModelState(theirs.DiffusionGemmaModelState):
    """Learns of requests, of which the sampler alone is not told the tokens.

    A grammar is compiled where the request is validated, and found again here in the folder of compiled grammars. Where
    that is another machine's, or the folder is switched off, it is compiled anew, in a thread; its row waits, no other does.
    """

    _constrained: ConstrainedSampler | None = None  # on the last pipeline stage only
    _compiler: ThreadPoolExecutor

    def custom_sampler(self, sampler: Any) -> tuple[Any, Any] | None:
        made = super().custom_sampler(sampler)
        if made is None:
            return None
        grammars = grammars_of(self.model_config)
        self._constrained = ConstrainedSampler.of(made[0], failure_token(grammars))
        self._compiler = ThreadPoolExecutor(_COMPILING_THREADS, thread_name_prefix="agentfast-grammars")
        STEPS.say = logger.info
        warm_up(grammars, self._constrained.diffusion_states.canvas.device)
        return self._constrained, made[1]

    def add_request(self, req_index: int, new_req_data: Any) -> None:
        super().add_request(req_index, new_req_data)
        if self._constrained is not None:
            self._constrained.rows.add(new_req_data.req_id, req_index, self._row_of(new_req_data))

    def remove_request(self, req_id: str) -> None:
        if self._constrained is not None:
            self._constrained.rows.remove(req_id)
        super().remove_request(req_id)

    def _row_of(self, new: Any) -> ConstrainedRow | None:
        """The row of a request with a constraint. One that cannot be read fails: an error here would end all requests."""
        try:
            return self._read_row(new)
        except Exception as error:  # noqa: BLE001 - it is that row's alone
            unreadable: Future[TokenGrammar] = Future()
            unreadable.set_exception(error)
            size = grammars_of(self.model_config).tokenizer.vocabulary.size
            return ConstrainedRow(unreadable, RowSettings(0), 0, size)

    def _read_row(self, new: Any) -> ConstrainedRow | None:
        params = new.sampling_params
        constraint = None if params is None else constraint_of(params)
        if constraint is None:
            return None
        grammars = grammars_of(self.model_config)
        prompt = new.prompt_token_ids
        constraint = grammars.for_prompt(constraint, prompt)
        # A request that was preempted comes back with what it has emitted.
        emitted = list(new.prefill_token_ids or prompt)[len(prompt) :]
        return ConstrainedRow(
            self._compiler.submit(grammars.compile, constraint),
            settings_of(params, new.req_id, wants_log_p=constraint.confidence),
            min(params.max_tokens, self.model_config.max_model_len - len(prompt)),
            grammars.tokenizer.vocabulary.size,
            emitted,
        )
