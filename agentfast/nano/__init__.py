"""The embedded model: a few million parameters of the DiffusionGemma architecture, trained on shop tasks and invented tools.

`load()` opens it on an engine of its own. `shop` is the database that its tasks are about, `tasks` are the held-out tasks,
`training` is its recipe.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agentfast.lazy import uncollected

if TYPE_CHECKING:
    from agentfast.models.local.model import LocalModel
    from agentfast.runtime.core.config import EngineConfig

WEIGHTS = Path(__file__).parent / "weights" / "diffusion"
TWIN_WEIGHTS = WEIGHTS.with_name("autoregressive")

DOUBTFUL = 0.7
"""Confidence below which an agent of this model does not run a call of a tool with effects: of the wrong ones it stops seven of
ten, and holds up one of fourteen right ones; `python -m bench.calls` measures it."""

Decoder = Literal["diffusion", "autoregressive"]


def load(
    decoder: Decoder = "diffusion", *, config: EngineConfig | None = None, device: str = "cpu"
) -> LocalModel:
    """The embedded model on a new engine, which the caller closes: `async with nano.load() as model`.

    Its agents do not run doubtful calls of tools that are not `pure`, see DOUBTFUL; `Agent(doubt=None)` runs them.

    Args:
        decoder: "autoregressive" opens the twin, made of the same trunk on the same data.
        config: None: the model's own way to be decoded, and the engine's defaults.
        device: where torch puts the weights.

    Raises:
        CheckpointError: the package came without its weights, or they are damaged.
    """
    from agentfast.runtime.jit import cold_start

    cold_start.begin()  # before torch is imported, which takes seconds
    with uncollected():
        from agentfast.agent.calls.doubt import Doubt
        from agentfast.models.local.model import LocalModel

        path, name = (WEIGHTS, "nano") if decoder == "diffusion" else (TWIN_WEIGHTS, "nano-ar")
        model = LocalModel.from_checkpoint(path, config=config, device=device, name=name)
        model.doubt = Doubt(below=DOUBTFUL, then="refuse")
        return model
