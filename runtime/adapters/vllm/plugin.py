"""The plugin: what vLLM calls in each of its processes, by the entry point `vllm.general_plugins`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.contract import check_source

_MODEL: Final = "agentfast.runtime.adapters.vllm.model:ConstrainedDiffusionGemma"
_REFUSED: Final = "agentfast.runtime.adapters.vllm.refused:DiffusionGemma"


def register() -> None:
    """Serve DiffusionGemma with grammars. May be called again.

    In a vLLM that this was not made for, DiffusionGemma cannot be loaded, and the log says why: served without
    grammars, it would ignore what requests say. Other models are served as ever.
    """
    from vllm import ModelRegistry
    from vllm.logger import init_logger

    from agentfast.runtime.adapters.vllm.validation import ARCHITECTURE, take_over_validation

    try:
        prepare()
    except ConfigError as error:
        # A warning only: this process may serve another model. Whoever serves DiffusionGemma meets the error itself.
        init_logger("vllm.agentfast").warning("DiffusionGemma will not be served: %s", error)
        ModelRegistry.register_model(ARCHITECTURE, _REFUSED)
        return
    ModelRegistry.register_model(ARCHITECTURE, _MODEL)
    take_over_validation()


def prepare() -> None:
    """Check vLLM, and register the parsers that hand down what chat requests say.

    Raises:
        ConfigError: it is not as it was tested.
    """
    import vllm

    from agentfast.runtime.adapters.vllm.requests.parsers import register_parsers

    check_source(Path(str(vllm.__file__)).parent, vllm.__version__)
    register_parsers()
