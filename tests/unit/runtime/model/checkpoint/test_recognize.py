"""Things that are given for a checkpoint and are none are named, with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from agentfast.errors import CheckpointError, ConfigError
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from tests.support.checkpoints import save_rough_model

FILES: Any = safetensors.torch
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1\nsize 12\n"
GGUF = b"GGUF\x03\0\0\0"
ADAPTER = {"peft_type": "LORA", "base_model_name_or_path": "google/gemma"}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    directory = tmp_path / "checkpoint"
    save_rough_model(directory)
    return directory


def refused(path: str | Path) -> str:
    with pytest.raises(CheckpointError) as failure:
        load_checkpoint(path)
    return str(failure.value)


def change(saved: Path, name: str = "config.json", **fields: Any) -> None:
    path = saved / name
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_a_name_of_the_hub_is_told_how_to_become_a_directory() -> None:
    name = "google/diffusiongemma-26B-A4B-it"
    said = refused(name)
    assert "checkpoints are not downloaded" in said
    assert f"hf download {name} --local-dir" in said


def test_a_path_that_does_not_exist_is_told_so(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.gguf", GGUF, "is a GGUF file"),
        ("model", GGUF, "is a GGUF file"),
        ("adapter_model.safetensors", b"", "LoRA adapter"),
        ("model.bin", b"\x80", "pickle files can run code"),
        ("model.safetensors", b"", "give the directory that config.json is in"),
        ("weights.zip", b"PK", "is a file, not a directory"),
    ],
)
def test_a_file_is_named_for_what_it_is(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "is an empty directory"),
        ({"model-Q4_K_M.gguf": ""}, "model-Q4_K_M.gguf only: GGUF weights, which llama.cpp reads"),
        ({"weights.npz": ""}, "weights for MLX"),
        (
            {"adapter_config.json": "{}", "adapter_model.safetensors": ""},
            "is a LoRA adapter .adapter_config.json",
        ),
        ({"adapter_model.bin": "", "config.json": "{}"}, "is a LoRA adapter"),
        ({"model_index.json": "{}"}, "pipeline of diffusers"),
        ({"params.json": "{}", "consolidated.00.pth": ""}, "its maker's own format"),
        ({"README.md": ""}, "has no config.json .give the directory"),
        ({"inner/config.json": "{}"}, "has no config.json .is it in .*inner"),
        ({"snapshots/ab12/config.json": "{}", "refs/main": "ab12"}, "is it in .*ab12"),
    ],
    ids=str,
)
def test_a_directory_is_named_for_what_it_holds(files: dict[str, str], said: str, tmp_path: Path) -> None:
    directory = tmp_path / "given"
    directory.mkdir()
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content)
    with pytest.raises(CheckpointError, match=said):
        load_checkpoint(directory)


def test_an_adapter_beside_the_model_is_not_ignored(saved: Path) -> None:
    (saved / "adapter_config.json").write_text(json.dumps(ADAPTER))
    FILES.save_file(
        {"base_model.model.lora_A.weight": torch.zeros(2, 2)}, saved / "adapter_model.safetensors"
    )
    assert "LoRA adapter (adapter_model.safetensors) beside the model, which would not be applied" in refused(
        saved
    )


def test_gguf_weights_beside_a_configuration_are_named(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved / "model.gguf")
    assert "has its weights in model.gguf only: GGUF" in refused(saved)


def test_weights_of_another_name_are_shown(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved / "consolidated.safetensors")
    assert (
        "no model.safetensors and no model.safetensors.index.json (it has consolidated.safetensors)"
        in refused(saved)
    )


def test_weights_for_mlx_are_named(saved: Path) -> None:
    path = saved / "model.safetensors"
    FILES.save_file(FILES.load_file(path), path, metadata={"format": "mlx"})
    assert "model.safetensors holds weights for MLX" in refused(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
def test_a_pointer_of_git_lfs_is_named(name: str, saved: Path) -> None:
    (saved / name).write_text(POINTER)
    assert f"{name} is a pointer of git-lfs, not the file itself (run `git lfs pull`" in refused(saved)


def test_a_weight_file_that_is_cut_short_may_be_a_broken_download(saved: Path) -> None:
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    assert "cannot read model.safetensors" in (said := refused(saved))
    assert "cut short" in said


def test_all_missing_shards_are_counted(saved: Path) -> None:
    names = {f"t{index}": f"model-0000{index}-of-00005.safetensors" for index in range(1, 6)}
    (saved / "model.safetensors").unlink()
    (saved / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    said = refused(saved)
    assert (
        "model-00003-of-00005.safetensors and 2 more, which model.safetensors.index.json names, are missing"
        in said
    )


def test_another_architecture_is_named_with_those_that_are_supported(saved: Path) -> None:
    change(saved, model_type="llama", architectures=["LlamaForCausalLM"])
    assert "model_type 'llama' (LlamaForCausalLM) is not supported (DiffusionGemma and Gemma 4" in refused(
        saved
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "awq"),
        ({"quantization_config": {"quant_method": "gptq"}}, "gptq"),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "bitsandbytes"),
        ({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}}, "NVFP4"),
        ({"quantization": {"group_size": 64, "bits": 4}}, "MLX"),
    ],
    ids=str,
)
def test_quantized_weights_are_named_by_their_method(fields: dict[str, Any], said: str, saved: Path) -> None:
    change(saved, **fields)
    assert f": {said}) are not supported (download the checkpoint in bfloat16" in refused(saved)


def test_a_sentencepiece_tokenizer_alone_is_named(saved: Path) -> None:
    (saved / "tokenizer.json").rename(saved / "tokenizer.model")
    assert "has no tokenizer.json (it has tokenizer.model only" in refused(saved)


@pytest.mark.parametrize("path", [None, 5, ["a"]])
def test_a_path_that_is_none_is_refused(path: Any) -> None:
    with pytest.raises(ConfigError, match="the path of a directory"):
        load_checkpoint(path)


@pytest.mark.parametrize("device", ["gpu", "cuda:99", 3.5])
def test_a_device_that_is_not_there_is_refused_by_name(device: Any, saved: Path) -> None:
    with pytest.raises(ConfigError, match=f"cannot use device '{device}'"):
        load_checkpoint(saved, device=device)
