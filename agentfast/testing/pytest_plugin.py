"""The pytest plugin. Imports nothing of agentfast until a test needs it, as every test session loads it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agentfast.models.base import Model

_INI = "agentfast_forbid_real_models"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addini(_INI, "forbid calls of real models in all tests", type="bool", default=False)
    group = parser.getgroup("agentfast")
    group.addoption(
        "--agentfast-record",
        action="store_true",
        help="ask the real models of tests with the fixture `recorded`, and record their answers anew",
    )


@pytest.fixture
def forbid_real_models() -> Generator[None]:
    """No call of a server or a local checkpoint in this test."""
    from agentfast.models.guard import forbid_real_models as forbid

    with forbid():
        yield


@pytest.fixture(autouse=True)
def _agentfast_guard(request: pytest.FixtureRequest) -> Generator[None]:  # pyright: ignore[reportUnusedFunction]
    with ExitStack() as stack:
        if request.config.getini(_INI) and not request.config.getoption("--agentfast-record"):
            from agentfast.models.guard import forbid_real_models as forbid

            stack.enter_context(forbid())
        yield


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Callable[[Callable[[], Model]], Model]:
    """A model that answers from a recording beside the test: `model = recorded(lambda: OpenAIModel(...))`.

    The recording is `recordings/MODULE.TEST.jsonl`. With --agentfast-record the real model is made and asked, and the file
    is written anew.
    """
    from agentfast.models.replay import RecordingModel, ReplayModel

    node: pytest.Item = request.node
    safe = "".join(letter if letter.isalnum() else "_" for letter in node.name)
    path = Path(node.path).parent / "recordings" / f"{Path(node.path).stem}.{safe}.jsonl"

    def model(make: Callable[[], Model]) -> Model:
        if request.config.getoption("--agentfast-record"):
            path.parent.mkdir(exist_ok=True)
            path.unlink(missing_ok=True)
            return RecordingModel(make(), path)
        if not path.is_file():
            pytest.fail(
                f"there is no recording {path}: run the test once with --agentfast-record", pytrace=False
            )
        return ReplayModel(path)

    return model
