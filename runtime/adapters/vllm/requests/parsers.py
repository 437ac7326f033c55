"""vLLM's parsers for Gemma 4, which here also hand down the tools and the thinking of a chat request.

vLLM's server makes sampling parameters of a chat request without its tools: with `tool_choice: "auto"`, and for this
parser with `"required"` and a named tool as well, nothing in them says that there are any. Before that, however, the
server lets the tool parser and the reasoning parser adjust the request. So under the name `gemma4` subclasses of vLLM's
own parsers are registered, which write the tools to the request's `vllm_xargs`. They read answers as vLLM's own do, but
for the types of arguments, see arguments.py. Models that are no diffusion models are left to vLLM's own.

The server has these parsers if it is started with `--enable-auto-tool-choice --tool-call-parser gemma4
--reasoning-parser gemma4`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any, Final, cast

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.requests.arguments import exactly
from agentfast.runtime.adapters.vllm.requests.read import KEY

NAME: Final = "gemma4"
"""The parsers' name on vLLM's command line."""
_REGISTRIES: Final = {
    "ToolParserManager": ("vllm.tool_parsers", "get_tool_parser"),
    "ReasoningParserManager": ("vllm.reasoning", "get_reasoning_parser"),
}


def register_parsers() -> None:
    """Register the parsers in this process. May be called again.

    Raises:
        ConfigError: this vLLM has no parsers of that name, or they are made differently.
    """
    for name, (module, getter) in _REGISTRIES.items():
        manager = getattr(importlib.import_module(module), name)
        try:
            theirs = getattr(manager, getter)(NAME)
        except KeyError as error:
            raise ConfigError(
                f"vLLM has no parser {NAME!r} in its {name}", hint="install a version of vLLM that was tested"
            ) from error
        if not issubclass(theirs, HandsDown):
            manager.register_module(NAME, force=True, module=handing_down(theirs))


class HandsDown:
    """Mixin before one of vLLM's parsers: the request's tools and thinking go down to the sampler."""

    structural_tag_model = None  # a tag of vLLM's own would be a second constraint

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        template = cast("Mapping[str, Any] | None", kwargs.get("chat_template_kwargs"))
        # vLLM 0.31 tells its reasoning parser alone how the template is filled in.
        self._thinking = None if template is None else bool(template.get("enable_thinking", False))
        self._hands_down = _is_ours(kwargs)

    def adjust_request(self, request: Any) -> Any:
        """Add what the grammar needs to `vllm_xargs`; what the client has put there goes first.

        Raises:
            ConfigError: beam search, to which vLLM hands no constraint down; tools that are nested too deeply.
        """
        if self._hands_down:
            _refuse_beams(request)
        request = super().adjust_request(request)  # type: ignore[misc]  # vLLM's
        if not self._hands_down:
            return request
        given = (request.vllm_xargs or {}).get(KEY)
        said = _object(given)
        if said is not None and (added := handed_down(request, self._thinking)):
            request.vllm_xargs = {**(request.vllm_xargs or {}), KEY: _text(added | said)}
        return request


def handing_down(theirs: Any) -> type:
    """A subclass of one of vLLM's parser classes that hands down; of the same name, which logs show.

    Raises:
        ConfigError: the class is not made as those of the versions that were tested.
    """
    engine = getattr(theirs, "_parser_engine_cls", None)
    if engine is None or not hasattr(engine, "_fix_arg_types"):
        raise ConfigError(
            f"vLLM's {theirs.__name__} reads arguments in a way that is not known here",
            hint="install a version of vLLM that was tested",
        )
    members = {"__module__": __name__, "_parser_engine_cls": keeping_types(engine)}
    return type(theirs.__name__, (HandsDown, theirs), members)


def keeping_types(engine: Any) -> type:
    """A subclass of vLLM's engine of parsers for which the notation says the types of arguments."""

    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        engine.__init__(self, *args, **kwargs)
        self.keeps_types = _is_ours(kwargs)
        if self.keeps_types:
            self._arg_converter = exactly(self._arg_converter)

    def fixed(self: Any, written: str, name: str) -> str:
        return written if self.keeps_types else str(engine._fix_arg_types(self, written, name))

    members = {"__module__": __name__, "__init__": made, "_fix_arg_types": fixed}
    return type(engine.__name__, (engine,), members)


def _is_ours(settings: Mapping[str, Any]) -> bool:
    """True for a diffusion model, or where vLLM does not say (0.31); Gemma 4, with the same parsers, is served as ever."""
    model = settings.get("model_config")
    return model is None or bool(model.is_diffusion)


def handed_down(request: Any, thinking: bool | None) -> dict[str, Any]:
    """The members of `agentfast` that a request to the chat or the responses endpoint means.

    Args:
        thinking: None: it is not known.
    """
    tools = [dumped for tool in request.tools or () if (dumped := _tool(tool)) is not None]
    said: dict[str, Any] = {} if thinking is None else {"thinking": thinking}
    if not tools:
        return said
    said |= {"tools": tools, "tool_choice": _choice(request.tool_choice)}
    if request.parallel_tool_calls is False:
        said["max_calls"] = 1
    return said


def _text(said: Mapping[str, Any]) -> str:
    try:
        return json.dumps(said)
    except RecursionError as error:
        raise ConfigError("the tools are nested too deeply", hint="give flatter ones") from error


def _refuse_beams(request: Any) -> None:
    form = getattr(request, "response_format", None)
    asks = (
        request.tools
        or getattr(request, "structured_outputs", None)
        or (form is not None and form.type != "text")
        or (_object((request.vllm_xargs or {}).get(KEY)) or {}).keys() - {"thinking", "confidence"}
    )
    if asks and getattr(request, "use_beam_search", False):
        raise ConfigError(
            "use_beam_search cannot go with a constraint: vLLM would drop it",
            hint="leave use_beam_search out",
        )


def _object(given: Any) -> dict[str, Any] | None:
    """The client's own members; None if they are malformed, which is refused where they are read."""
    try:
        said = json.loads(given) if isinstance(given, str) else {} if given is None else given
    except ValueError:
        return None
    return cast("dict[str, Any]", said) if isinstance(said, dict) else None


def _tool(tool: Any) -> dict[str, Any] | None:
    """A function's declaration; None for a tool of another kind, which the model is not shown."""
    function = getattr(tool, "function", tool)
    if getattr(tool, "type", "function") != "function":
        return None
    return {"name": function.name, "description": function.description, "parameters": function.parameters}


def _choice(choice: Any) -> Any:
    if choice is None or isinstance(choice, str):
        return choice
    function = getattr(choice, "function", choice)
    return {"name": function.name}
