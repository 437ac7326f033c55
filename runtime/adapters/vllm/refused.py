"""In the model's place where this vLLM is not one that the plugin was made for: importing it says why."""

from __future__ import annotations

from pathlib import Path

import vllm

from agentfast.runtime.adapters.vllm.contract import check_source

check_source(Path(str(vllm.__file__)).parent, vllm.__version__)
