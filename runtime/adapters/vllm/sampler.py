"""vLLM's sampler of DiffusionGemma, with constrained rows judged by the exact posterior.

vLLM takes its own step for all rows, on the logits as they are, with its own random numbers; what it wrote for
constrained rows is replaced afterwards. So free rows come out as they do without this.
"""

from __future__ import annotations

from copy import copy
from time import perf_counter
from typing import Any, Self

import torch
from vllm.distributed.parallel_state import get_tp_group
from vllm.model_executor.models import diffusion_gemma as theirs

from agentfast.runtime.adapters.vllm.contract import check_tensors
from agentfast.runtime.adapters.vllm.emitted_probabilities import with_probabilities
from agentfast.runtime.adapters.vllm.steps.agreement import Agreement
from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasTensors, write_canvases
from agentfast.runtime.adapters.vllm.steps.constrained_step import ConstrainedStep
from agentfast.runtime.adapters.vllm.steps.effects import Step
from agentfast.runtime.adapters.vllm.steps.metrics import STEPS
from agentfast.runtime.adapters.vllm.steps.row_table import RowTable
from agentfast.runtime.core.config import GenerationDefaults


class ConstrainedSampler(theirs.DiffusionSampler):
    """vLLM's sampler, and beside it the rows with grammars.

    Attributes:
        rows: by slot.
        failure_token: what a failed row emits, so that its request ends; it is among the request's stop tokens.
    """

    rows: RowTable
    failure_token: int
    _constrained: ConstrainedStep
    _tensors: CanvasTensors

    @classmethod
    def of(cls, sampler: theirs.DiffusionSampler, failure_token: int) -> Self:
        """One of vLLM's samplers with grammars.

        Raises:
            ConfigError: its tensors are not as this vLLM's source said.
        """
        made = cls.__new__(cls)
        vars(made).update(vars(sampler))
        states = made.diffusion_states
        made._tensors = CanvasTensors(
            states.canvas,
            made.req_states.draft_tokens,
            states.argmax_canvas,
            states.is_encoder_phase,
            states.self_conditioning_embeds,
        )
        check_tensors(made._tensors)
        generation = GenerationDefaults(
            max_denoising_steps=states.max_denoising_steps,
            t_min=made.t_min,
            t_max=made.t_max,
            entropy_bound=made.entropy_bound,
            stability_threshold=states.stability_threshold - 1,  # vLLM counts the current step, too
            confidence_threshold=made.confidence_threshold,
        )
        made.rows = RowTable()
        made.failure_token = failure_token
        agreement = Agreement(get_tp_group() if made.tp_size > 1 else None, states.canvas.device)
        made._constrained = ConstrainedStep(
            made.rows,
            generation,
            made._tensors.canvas_length,
            made._soft_embeddings,
            made.embed_weight.shape[1],
            agreement,
        )
        return made

    def __call__(
        self, logits: torch.Tensor, input_batch: Any, draft_logits: torch.Tensor | None = None
    ) -> theirs.SamplerOutput:
        if not len(self.rows):
            return super().__call__(logits, input_batch, draft_logits)
        began = perf_counter()
        count = input_batch.num_reqs
        places = self._constrained.places(
            input_batch.idx_mapping_np[:count].tolist(), input_batch.cu_num_logits_np[: count + 1].tolist()
        )
        step = self._constrained.take(places, logits)
        seconds = perf_counter() - began
        output = super().__call__(logits, input_batch, draft_logits)
        began = perf_counter()
        write_canvases(step.writes, self._tensors)
        self._emit(step, output, input_batch)
        STEPS.add(step.judged, seconds + perf_counter() - began)
        return output

    def add_request(self, req_idx: int, sampling_params: Any) -> None:
        """Learn of a request, as vLLM's sampler does; log probabilities of a constrained row are not vLLM's to compute."""
        if self.rows.get(req_idx) is not None and sampling_params.logprobs is not None:
            sampling_params = copy(sampling_params)
            sampling_params.logprobs = None
        super().add_request(req_idx, sampling_params)

    def _emit(self, step: Step, output: theirs.SamplerOutput, input_batch: Any) -> None:
        """Cut what vLLM emits to what was judged; what is left over counts as rejected, as in speculative decoding."""
        starts = input_batch.cu_num_logits_np
        for index, emission in step.emissions.items():
            self._set_count(output, index, emission.count, int(starts[index + 1] - starts[index]))
        for index in step.failures:
            output.sampled_token_ids[index, 0] = self.failure_token
            self._set_count(output, index, 1, int(starts[index + 1] - starts[index]))
            STEPS.failed += 1
        output.logprobs_tensors = with_probabilities(
            output.logprobs_tensors, step.emissions, input_batch.num_reqs, output.num_sampled.device
        )

    @staticmethod
    def _set_count(output: theirs.SamplerOutput, index: int, count: int, positions: int) -> None:
        output.num_sampled[index] = count
        output.num_rejected[index] = positions - count

    def _soft_embeddings(self, marginals: torch.Tensor) -> torch.Tensor:
        """The part that this rank's tokens have in the mean embeddings [N, H] under marginals [N, V]."""
        start, stop = self.sc_vocab_start, self.sc_vocab_end
        local = marginals[:, start:stop].to(self.embed_weight.dtype) @ self.embed_weight[: stop - start]
        return local * self.normalizer
