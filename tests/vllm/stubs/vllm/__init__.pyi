"""What the plugin uses of vLLM, for type checkers: vLLM itself is not installed where they run."""

from typing import Any

from vllm.sampling_params import SamplingParams as SamplingParams

__version__: str
LLM: Any

class ModelRegistry:
    @staticmethod
    def register_model(model_arch: str, model_cls: str) -> None: ...
