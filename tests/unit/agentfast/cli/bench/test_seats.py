"""What may sit in a seat."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agentfast import LocalModel, OpenAIModel, nano
from agentfast.cli.bench.seats import LocalSeat, Placement, open_seat
from agentfast.errors import ConfigError


async def test_a_directory_is_a_local_model_with_a_new_engine_each_time(random_checkpoint: Path) -> None:
    seat = open_seat(str(random_checkpoint))
    assert isinstance(seat, LocalSeat)
    assert seat.kind == "diffusion"
    async with seat.fresh() as first, seat.fresh() as second:
        assert isinstance(first, LocalModel)
        assert isinstance(second, LocalModel)
        assert first.engine is not second.engine


def test_nano_is_the_embedded_model() -> None:
    seat = open_seat("nano")
    assert isinstance(seat, LocalSeat)
    assert seat.path == nano.WEIGHTS


async def test_a_url_is_a_server_and_a_model() -> None:
    seat = open_seat("http://localhost:9/v1#some/model")
    assert seat.kind == "remote"
    async with seat.fresh() as model:
        assert isinstance(model, OpenAIModel)
        assert model.name == "some/model"


def test_a_url_without_a_model_is_refused() -> None:
    with pytest.raises(ConfigError, match="names no model"):
        open_seat("https://example.com/v1")


def test_what_is_neither_is_refused_with_the_forms_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no model 'no such folder' \(it is \"nano\""):
        open_seat("no such folder")


def test_a_directory_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.json"):
        open_seat(str(tmp_path))


def test_an_unknown_type_is_refused(random_checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="no dtype 'float33'"):
        open_seat(str(random_checkpoint), Placement(dtype="float33"))


def test_a_server_without_the_package_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(
        ConfigError, match=r"the package openai is not installed \(pip install 'agentfast\[openai\]'\)"
    ):
        open_seat("http://localhost:9/v1#m")
