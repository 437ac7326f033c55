"""In the model's place where this vLLM is not one that the plugin was made for: importing it says why."""

from __future__ import annotations

from agentfast.runtime.adapters.vllm.plugin import prepare

prepare()
