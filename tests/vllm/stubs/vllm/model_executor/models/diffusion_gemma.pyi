from typing import Any

from torch import Tensor
from vllm.v1.outputs import LogprobsTensors

class DiffusionGemmaForConditionalGeneration:
    @staticmethod
    def get_model_state_cls() -> Any: ...

class DiffusionGemmaRequestStates:
    canvas: Tensor
    argmax_canvas: Tensor
    is_encoder_phase: Tensor
    self_conditioning_embeds: Tensor
    max_denoising_steps: int
    stability_threshold: int

class DiffusionGemmaModelState:
    model_config: Any
    def custom_sampler(self, sampler: Any) -> tuple[Any, Any] | None: ...
    def add_request(self, req_index: int, new_req_data: Any) -> None: ...
    def remove_request(self, req_id: str) -> None: ...

class SamplerOutput:
    sampled_token_ids: Tensor
    logprobs_tensors: LogprobsTensors | None
    num_sampled: Tensor
    num_rejected: Tensor

class DiffusionSampler:
    diffusion_states: DiffusionGemmaRequestStates
    req_states: Any
    t_min: float
    t_max: float
    entropy_bound: float
    confidence_threshold: float
    embed_weight: Tensor
    normalizer: Tensor
    sc_vocab_start: int
    sc_vocab_end: int
    tp_size: int
    def add_request(self, req_idx: int, sampling_params: Any) -> None: ...
    def __call__(
        self, logits: Tensor, input_batch: Any, draft_logits: Tensor | None = None
    ) -> SamplerOutput: ...
