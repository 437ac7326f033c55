"""The embedded model: a few million parameters of the DiffusionGemma architecture, trained on the project's task world.

`load()` opens it on an engine of its own. `world` is what it was trained on and is measured by, `train` how.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentfast.models.local import LocalModel
    from agentfast.runtime.settings import EngineConfig

WEIGHTS = Path(__file__).parent / "weights"


def load(*, config: EngineConfig | None = None, device: str = "cpu") -> LocalModel:
    """The embedded model on a new engine, which the caller closes: `async with nano.load() as model`.

    Args:
        config: None: the model's own way to be decoded, and the engine's defaults.
        device: where torch puts the weights.

    Raises:
        CheckpointError: the package came without its weights, or they are damaged.
    """
    from agentfast.models.local import LocalModel

    return LocalModel.from_checkpoint(WEIGHTS, config=config, device=device, name="nano")
