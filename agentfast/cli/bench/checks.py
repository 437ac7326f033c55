"""Checks of the options of `agentfast bench` that need no model. Imports nothing heavy."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from agentfast import nano
from agentfast.cli.checks import check_checkpoint, check_folder, check_url, check_writable
from agentfast.errors import CheckpointError, ConfigError

EMBEDDED: Final = {"nano": nano.WEIGHTS, "nano-ar": nano.TWIN_WEIGHTS}
_FORMS: Final = 'it is "nano", "nano-ar", a checkpoint directory, or http(s)://host/v1#model'


def check_bench(options: argparse.Namespace) -> None:
    """Check the options.

    Raises:
        ConfigError: one does not fit, or not beside another; the message names it.
        CheckpointError: this package came without an embedded model's weights.
    """
    if options.no_outside and options.outside_seconds is not None:
        raise ConfigError("--no-outside and --outside-seconds do not go together")
    if options.oracle:
        _check_oracle(options)
    else:
        for name in ("shared_device", "tokenizer"):
            if getattr(options, name):
                raise ConfigError(f"--{name.replace('_', '-')} needs --oracle")
        check_seat(options.diffusion, "--diffusion")
        check_seat(options.autoregressive, "--autoregressive")
    if options.out:
        check_writable(options.out)
    if options.plots:
        if find_spec("matplotlib") is None:
            raise ConfigError("--plots needs matplotlib", hint="pip install 'agentfast[bench]'")
        check_folder(options.plots, "--plots")


def check_seat(spec: str, what: str = "seat") -> None:
    """Check a seat's specification, as far as its address or its files' names go.

    Raises:
        ConfigError: it has none of the forms that there are.
        CheckpointError: this package came without that embedded model's weights.
    """
    if spec.startswith(("http://", "https://")):
        url, _, model = spec.partition("#")
        if not model:
            raise ConfigError(f"{what} {spec} names no model", hint="end it with #MODEL")
        check_url(url, what)
    elif spec in EMBEDDED:
        if not EMBEDDED[spec].is_dir():
            raise CheckpointError(
                f"this package came without the weights of {spec!r}", hint="name a directory"
            )
    elif not Path(spec).is_dir():
        raise ConfigError(f"{what}: no model {spec!r}", hint=_FORMS)
    else:
        check_checkpoint(spec, what)


def _check_oracle(options: argparse.Namespace) -> None:
    from agentfast.cli.bench.oracle.paces import Pace  # not at the top: it imports asyncio

    for pace in options.oracle:
        Pace.parse(pace)
    if options.plots:
        raise ConfigError("--plots does not go with --oracle", hint="its figures are printed")
    if options.tokenizer and not Path(options.tokenizer).is_file():
        raise ConfigError(f"cannot read the tokenizer {options.tokenizer}: there is no such file")
