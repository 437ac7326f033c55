"""The choice of a decoder by the model's kind."""

from __future__ import annotations

from agentfast.runtime.backends.base import Backend
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.decoding.autoregressive import AutoregressiveDecoder
from agentfast.runtime.decoding.base import Decoder
from agentfast.runtime.decoding.canvas_length import CanvasLengths
from agentfast.runtime.decoding.diffusion import DiffusionDecoder
from agentfast.runtime.model.config import ModelConfig


def decoder_for(model: ModelConfig, backend: Backend, tokenizer: Tokenizer, config: EngineConfig) -> Decoder:
    """The decoder that a model of this kind asks for."""
    eos_ids = tokenizer.vocabulary.eos_ids
    if model.kind == "autoregressive":
        return AutoregressiveDecoder(config.generation, eos_ids)
    if config.canvas_length is not None:
        lengths = CanvasLengths(config.canvas_length)
    else:
        usual = config.generation.usual_canvas or model.canvas_length
        lengths = CanvasLengths(usual, config.generation.canvas_lengths)
    special = frozenset(tokenizer.vocabulary.special.values())
    return DiffusionDecoder(backend, config.generation, lengths, eos_ids, special)
