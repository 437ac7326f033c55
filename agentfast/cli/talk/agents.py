"""The agent that the options of a command name."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentfast.agent.agent import Agent
from agentfast.agent.bounds.limits import DEFAULT_SETTINGS
from agentfast.cli.desk import LIMITS, SETTINGS, open_shop
from agentfast.cli.model import open_model
from agentfast.cli.talk.agent_file import load_agent
from agentfast.errors import GrammarError
from agentfast.models.base import Model
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, shop_tools

EXTRACTION = "Extract the fields."
"""Instructions of the embedded model for an answer that is JSON, as it was taught."""


@dataclass(frozen=True, slots=True)
class Partner:
    """An agent to talk to.

    Attributes:
        shop, desk: where its tools work; None and "" of an agent without a desk.
        remembers: it can go on with a conversation. The embedded model was taught single requests.
    """

    agent: Agent[None, Any]
    shop: Shop | None = None
    desk: str = ""
    remembers: bool = True


def open_partner(options: argparse.Namespace) -> Partner:
    """The agent that the options name, on its model.

    Raises:
        ConfigError: an option does not fit.
        GrammarError: no value meets the answer's schema.
        UnsupportedSchemaError: the answer's schema has a keyword that is not enforced exactly.
        CheckpointError: the checkpoint cannot be loaded.
    """
    if options.agent is not None:
        return Partner(load_agent(options.agent))
    is_bare = options.url or options.instructions is not None or options.schema is not None
    desk = options.desk or ("" if is_bare else "orders")
    shop = open_shop(options.shop or 0) if desk else None
    if options.schema is not None and options.url is None:
        _check_schema(options.schema)
    is_embedded = options.url is None and options.model is None
    instructions = options.instructions
    if instructions is None:
        instructions = DESKS[desk].instructions[0] if desk else EXTRACTION if is_embedded else ""
    agent = Agent[None, Any](
        _open(options),
        tools=shop_tools(shop, DESKS[desk].tools) if shop is not None else (),
        instructions=instructions,
        output_type=str if options.schema is None else options.schema,
        limits=LIMITS,
        settings=SETTINGS if is_embedded else DEFAULT_SETTINGS,
        name=desk or "agent",
    )
    return Partner(agent, shop, desk, remembers=not is_embedded)


def _open(options: argparse.Namespace) -> Model:
    if options.url is None:
        return open_model(options.model, device=options.device, dtype=options.dtype)
    from agentfast.models.openai.model import OpenAIModel

    key = None if options.key_env is None else os.environ[options.key_env]
    return OpenAIModel(options.model, base_url=options.url, api_key=key)


def _check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse a schema before a model is loaded for it."""
    from agentfast.runtime.grammar import compile_schema
    from agentfast.runtime.grammar.schema.unsatisfiable import find_unsatisfiable

    blame = find_unsatisfiable(schema, compile_schema(schema))
    if blame is not None:
        raise GrammarError(blame.complaint("--schema", "field"))
