"""A DiffusionGemma of random weights, tiny, with the names, the special tokens and the settings of the published one.

    python -m bench.vllm.checkpoint DIRECTORY

Head sizes and widths are the smallest that vLLM's attention on CPUs takes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import tokenizers

from agentfast.chat.gemma4 import SPECIAL_TOKENS
from agentfast.runtime.core.vocabulary import Vocabulary
from tests.property.vllm.drawn_texts import gemma_backend

CANVAS: Final = 32
VOCABULARY: Final = 416
"""More than the tokenizer has, as in the published checkpoint."""
ENDS: Final = ("<eos>", "<turn|>", "<|tool_response>")
_TEXT: Final[dict[str, Any]] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "num_global_key_value_heads": 1,
    "global_head_dim": 64,
    "sliding_window": 64,
    "num_experts": 4,
    "top_k_experts": 2,
    "moe_intermediate_size": 32,
    "max_position_embeddings": 1024,
}
_GENERATION: Final[dict[str, Any]] = {
    "max_denoising_steps": 6,
    "t_min": 0.4,
    "t_max": 0.8,
    "stability_threshold": 1,
    "confidence_threshold": 0.005,
    "sampler_config": {"_cls_name": "EntropyBoundSamplerConfig", "entropy_bound": 0.1},
    "pad_token_id": 0,
}
_TEMPLATE: Final = (
    "<bos>{% if enable_thinking %}<|turn>system\n<|think|><turn|>\n{% endif %}{% for message in messages %}"
    "<|turn>{{ 'model' if message.role == 'assistant' else message.role }}\n{{ message.content }}<turn|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn>model\n{% endif %}"
)


def write(directory: Path, seed: int = 0) -> Path:
    """Write the checkpoint to a directory."""
    from tests.support import reference_checkpoints as reference  # it needs transformers

    backend = gemma_backend()
    model = reference.diffusion_gemma(seed, canvas=CANVAS, **_TEXT)
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    backend.save(str(directory / "tokenizer.json"))
    ends = _ends(backend)
    (directory / "generation_config.json").write_text(json.dumps(_GENERATION | {"eos_token_id": ends}))
    named = {"eos_token": "<eos>", "bos_token": "<bos>", "pad_token": "<pad>", "chat_template": _TEMPLATE}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "additional_special_tokens": [*SPECIAL_TOKENS]}
    (directory / "tokenizer_config.json").write_text(json.dumps(named | settings))
    return directory


def vocabulary() -> Vocabulary:
    """The checkpoint's."""
    backend = gemma_backend()
    return Vocabulary.from_tokenizer(backend, _ends(backend), VOCABULARY)


def _ends(backend: tokenizers.Tokenizer) -> list[int]:
    ids = (backend.token_to_id(end) for end in ENDS)
    return [index for index in ids if index is not None]


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
