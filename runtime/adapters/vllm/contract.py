"""The parts of vLLM that the plugin relies on, and the check that this vLLM has them.

The check reads vLLM's source: it takes milliseconds, imports none of its models, and so can run in each process that
vLLM starts, whichever model that serves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasTensors

TESTED: Final = ("0.31.0", "0.32.0", "0.33.0")
"""The versions of vLLM that the tests ran on."""
_FIRST: Final = (0, 31)
_END: Final = (0, 34)

_MODEL: Final = "model_executor.models.diffusion_gemma"
_SIGNATURES: Final = {
    ("sampling_params", "SamplingParams.verify"): (
        "self model_config speculative_config structured_outputs_config tokenizer"
    ),
    (_MODEL, "DiffusionGemmaForConditionalGeneration.get_model_state_cls"): "",
    (_MODEL, "DiffusionGemmaModelState.custom_sampler"): "self sampler",
    (_MODEL, "DiffusionGemmaModelState.add_request"): "self req_index new_req_data",
    (_MODEL, "DiffusionGemmaModelState.remove_request"): "self req_id",
    (_MODEL, "DiffusionSampler.__call__"): "self logits input_batch draft_logits",
    (_MODEL, "DiffusionSampler.add_request"): "self req_idx sampling_params",
}
"""Functions that are overridden or wrapped, and their parameters."""
_TENSORS: Final = {
    "canvas": "max_num_reqs, canvas_length, dtype=torch.int64",
    "argmax_canvas": "max_num_reqs, canvas_length, dtype=torch.int64",
    "is_encoder_phase": "max_num_reqs, dtype=torch.bool",
    "self_conditioning_embeds": "max_num_reqs, canvas_length, hidden_size, dtype=torch.float32",
}
"""Tensors of `DiffusionGemmaRequestStates` that are written, as `torch.zeros` makes them."""
_ATTRIBUTES: Final = {
    (_MODEL, "DiffusionGemmaRequestStates"): "max_denoising_steps stability_threshold",
    (_MODEL, "DiffusionSampler"): (
        "diffusion_states req_states t_min t_max entropy_bound confidence_threshold "
        "embed_weight normalizer sc_vocab_start sc_vocab_end tp_size"
    ),
    ("v1.worker.gpu.states", "RequestState"): "draft_tokens",
}
"""Attributes that a class sets in its `__init__`."""
_FIELDS: Final = {
    ("v1.worker.gpu.sample.output", "SamplerOutput"): (
        "sampled_token_ids num_sampled num_rejected logprobs_tensors"
    ),
    ("v1.worker.gpu.input_batch", "InputBatch"): "num_reqs idx_mapping_np cu_num_logits_np",
    (
        "v1.core.sched.output",
        "NewRequestData",
    ): "req_id prompt_token_ids prefill_token_ids sampling_params",
    ("v1.outputs", "LogprobsTensors"): (
        "logprob_token_ids logprobs selected_token_ranks cu_num_generated_tokens"
    ),
    ("sampling_params", "SamplingParams"): (
        "extra_args structured_outputs stop_token_ids max_tokens n seed temperature logprobs"
    ),
}
"""Fields of data classes."""
_NAMES: Final = {
    ("exceptions", "VLLMValidationError"),
    ("distributed.parallel_state", "get_tp_group"),
}

Definition = ast.ClassDef | ast.FunctionDef


def check_source(package: Path, version: str) -> None:
    """Check a vLLM by its source.

    Args:
        package: folder of the package `vllm`.

    Raises:
        ConfigError: it is of another version than was tested, or something in it is not as it was then. The text names it.
    """
    parts = version.split(".")
    number = tuple(int(part) if part.isdecimal() else -1 for part in parts[:2])
    if not _FIRST <= number < _END:
        raise _mismatch(version, "it is of another version")
    for wrong in _differences(package):
        raise _mismatch(version, wrong)


def check_tensors(tensors: CanvasTensors) -> None:
    """Check the tensors themselves, once vLLM has made them.

    Raises:
        ConfigError: a shape or a type differs.
    """
    slots, length = tensors.canvas.shape
    hidden = tensors.self_conditioning.shape[-1]
    expected = {
        "canvas": ((slots, length), torch.int64),
        "argmax_canvas": ((slots, length), torch.int64),
        "is_encoder_phase": ((slots,), torch.bool),
        "self_conditioning": ((slots, length, hidden), torch.float32),
    }
    for name, (shape, dtype) in expected.items():
        tensor: torch.Tensor = getattr(tensors, name)
        if tuple(tensor.shape) != shape or tensor.dtype != dtype:
            raise ConfigError(
                f"vLLM's tensor {name} is {tensor.dtype} {tuple(tensor.shape)} instead of {dtype} {shape}"
            )
    drafts = tensors.draft_tokens
    if drafts.dim() != 2 or drafts.shape[0] != slots or drafts.shape[1] < length:
        raise ConfigError(
            f"vLLM's tensor draft_tokens is {tuple(drafts.shape)} instead of ({slots}, >= {length})"
        )


def _mismatch(version: str, wrong: str) -> ConfigError:
    return ConfigError(
        f"agentfast does not fit vLLM {version}: {wrong}",
        hint=f"it was tested with vLLM {', '.join(TESTED)}: install one of these",
    )


def _differences(package: Path) -> Iterator[str]:
    for (module, name), parameters in _SIGNATURES.items():
        found = _definition(package, module, name)
        if not isinstance(found, ast.FunctionDef):
            yield f"{name} is not in {module}"
        elif (has := " ".join(arg.arg for arg in found.args.args)) != parameters:
            yield f"{name} in {module} takes ({has}) instead of ({parameters})"
    tensors = _assigned(package, _MODEL, "DiffusionGemmaRequestStates")
    for name, made in _TENSORS.items():
        if (found_as := _zeros(tensors.get(name))) != made:
            yield f"the tensor DiffusionGemmaRequestStates.{name} is made as {found_as} instead of zeros({made})"
    for (module, name), attributes in _ATTRIBUTES.items():
        for missing in sorted(set(attributes.split()) - _assigned(package, module, name).keys()):
            yield f"{name} in {module} has no attribute {missing}"
    for (module, name), fields in _FIELDS.items():
        for missing in sorted(set(fields.split()) - _declared(package, module, name)):
            yield f"{name} in {module} has no field {missing}"
    for module, name in sorted(_NAMES):
        if _definition(package, module, name) is None:
            yield f"{name} is not in {module}"


@lru_cache(maxsize=16)
def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ast.Module([], [])


def _definition(package: Path, module: str, name: str) -> Definition | None:
    """A class, function or method by its dotted name."""
    body: list[ast.stmt] = _parsed(package.joinpath(*module.split(".")).with_suffix(".py")).body
    found: Definition | None = None
    for part in name.split("."):
        found = next((node for node in body if isinstance(node, Definition) and node.name == part), None)
        if found is None:
            return None
        body = found.body
    return found


def _assigned(package: Path, module: str, name: str) -> dict[str, ast.expr]:
    """Values that a class's `__init__` assigns to attributes of self."""
    init = _definition(package, module, f"{name}.__init__")
    assigned: dict[str, ast.expr] = {}
    for node in ast.walk(init) if init is not None else ():
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                    assigned[target.attr] = node.value
    return assigned


def _declared(package: Path, module: str, name: str) -> set[str]:
    """The annotated names in a class's body."""
    found = _definition(package, module, name)
    body = found.body if found is not None else []
    return {
        node.target.id
        for node in body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _zeros(made: ast.expr | None) -> str | None:
    """The arguments of a call of `torch.zeros`, its device left out; any other expression as it is."""
    if not isinstance(made, ast.Call) or ast.unparse(made.func) != "torch.zeros":
        return None if made is None else ast.unparse(made)
    keywords = [f"{word.arg}={ast.unparse(word.value)}" for word in made.keywords if word.arg != "device"]
    return ", ".join([*(ast.unparse(argument) for argument in made.args), *keywords])
