from typing import Any

StructuredOutputsParams: Any

class SamplingParams:
    def __init__(self, **parameters: Any) -> None: ...
    def verify(
        self, model_config: Any, speculative_config: Any, structured_outputs_config: Any, tokenizer: Any
    ) -> None: ...
