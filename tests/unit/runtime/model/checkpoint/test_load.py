"""A saved model is loaded again, in any precision; faults of a checkpoint are named."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import safetensors.torch
import torch
from torch import Tensor

from agentfast.errors import CheckpointError, ConfigError
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from agentfast.runtime.model.config import Kind
from tests.support.checkpoints import EOS, rough_model, save_rough_model, tokenizer_json

files = cast("Any", safetensors.torch)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A checkpoint directory in fp32."""
    save_rough_model(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def edit_tensors(directory: Path, edit: Callable[[dict[str, Tensor]], None]) -> None:
    tensors: dict[str, Tensor] = files.load_file(directory / "model.safetensors")
    edit(tensors)
    files.save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def shard(directory: Path, count: int) -> None:
    """Spread the tensors over several files with an index, as large checkpoints are."""
    tensors: dict[str, Tensor] = files.load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names = {key: f"model-{i % count + 1:05}-of-{count:05}.safetensors" for i, key in enumerate(tensors)}
    for name in set(names.values()):
        files.save_file({key: tensors[key] for key in tensors if names[key] == name}, directory / name)
    index = {"metadata": {}, "weight_map": names}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_saved_model_is_loaded_again(kind: Kind, dtype: torch.dtype, tmp_path: Path) -> None:
    model = save_rough_model(tmp_path, kind, dtype)
    loaded = load_checkpoint(tmp_path)
    assert loaded.model.config == model.config
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    got = loaded.model.state_dict()
    assert got.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert got[name].dtype is torch.float32
        torch.testing.assert_close(got[name], tensor.to(dtype).float(), atol=0, rtol=0)
    for name, buffer in model.named_buffers():  # the rope frequencies are in no file
        torch.testing.assert_close(loaded.model.get_buffer(name), buffer, atol=1e-2, rtol=0)


def test_weights_are_loaded_in_the_wanted_precision(saved: Path) -> None:
    model = load_checkpoint(saved, dtype=torch.bfloat16).model
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.bfloat16}


def test_autoregressive_models_without_shared_kv_are_saved_too(tmp_path: Path) -> None:
    model = rough_model("autoregressive", shared_kv=False)
    save_checkpoint(model, tmp_path / "to", tokenizer=tokenizer_json(tmp_path), eos_ids=[EOS])
    assert load_checkpoint(tmp_path / "to").model.config == model.config


def test_generation_defaults_and_end_tokens_come_along(tmp_path: Path) -> None:
    generation = GenerationDefaults(
        max_denoising_steps=7,
        t_min=0.1,
        t_max=0.9,
        entropy_bound=0.2,
        stability_threshold=2,
        canvas_lengths=(8, 16),
        usual_canvas=12,
        verify=0.25,
        verify_entropy=0.5,
        trusted_entropy=0.02,
        trusted_call_entropy=0.01,
        max_reopenings=2,
    )
    save_checkpoint(
        rough_model(),
        tmp_path / "to",
        tokenizer=tokenizer_json(tmp_path),
        eos_ids=[1, 0],
        generation=generation,
        max_new_tokens=99,
    )
    loaded = load_checkpoint(tmp_path / "to")
    assert loaded.generation == generation
    assert loaded.max_new_tokens == 99
    assert loaded.tokenizer.vocabulary.eos_ids == {0, 1}
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("Grüße")) == "Grüße"


def test_generation_config_is_optional(saved: Path) -> None:
    (saved / "generation_config.json").unlink()
    loaded = load_checkpoint(saved)
    assert loaded.generation == GenerationDefaults()
    assert loaded.tokenizer.vocabulary.eos_ids == {EOS}


def test_sharded_weights_are_loaded(saved: Path) -> None:
    whole = load_checkpoint(saved).model.state_dict()
    shard(saved, 3)
    sharded = load_checkpoint(saved).model.state_dict()
    assert all(torch.equal(sharded[name], tensor) for name, tensor in whole.items())


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's list of mapped files")
@pytest.mark.parametrize(("dtype", "mapped"), [(torch.float32, True), (torch.bfloat16, False)])
def test_weights_are_copied_only_if_they_are_converted(dtype: torch.dtype, mapped: bool, saved: Path) -> None:
    model = load_checkpoint(saved, dtype=dtype).model
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    spans = [line[0].split("-") for line in lines if line[-1] == str(saved / "model.safetensors")]
    ranges = [range(int(start, 16), int(stop, 16)) for start, stop in spans]
    for parameter in model.parameters():
        assert any(parameter.data_ptr() in span for span in ranges) is mapped


def test_saving_over_a_checkpoint_does_not_change_a_model_loaded_from_it(saved: Path) -> None:
    loaded = load_checkpoint(saved).model
    before = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    save_checkpoint(
        rough_model(seed=1), saved, tokenizer=saved / "tokenizer.json", eos_ids=[EOS], dtype=torch.float32
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in loaded.state_dict().items())
    changed = load_checkpoint(saved).model.norm.weight
    assert changed is not None
    assert not torch.equal(changed, before["norm.weight"])


def test_changing_a_loaded_model_does_not_change_the_file(saved: Path) -> None:
    before = (saved / "model.safetensors").read_bytes()
    model = load_checkpoint(saved).model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert (saved / "model.safetensors").read_bytes() == before


def test_copies_of_tied_tensors_may_be_stored_too(saved: Path) -> None:
    def repeat(tensors: dict[str, Tensor]) -> None:
        embeddings = tensors["model.decoder.embed_tokens.weight"]
        tensors["lm_head.weight"] = embeddings.clone()
        tensors["model.encoder.language_model.embed_tokens.weight"] = embeddings.clone()

    edit_tensors(saved, repeat)
    load_checkpoint(saved)


def test_a_copy_alone_is_enough(saved: Path) -> None:
    def only_the_encoders(tensors: dict[str, Tensor]) -> None:
        tensors["model.encoder.language_model.norm.weight"] = tensors.pop("model.decoder.norm.weight")

    whole = load_checkpoint(saved).model.state_dict()
    edit_tensors(saved, only_the_encoders)
    assert torch.equal(load_checkpoint(saved).model.state_dict()["norm.weight"], whole["norm.weight"])


def test_copies_that_differ_are_refused(saved: Path) -> None:
    def untie(tensors: dict[str, Tensor]) -> None:
        tensors["lm_head.weight"] = tensors["model.decoder.embed_tokens.weight"] + 1

    edit_tensors(saved, untie)
    with pytest.raises(CheckpointError, match=r"embed_tokens\.weight is stored twice"):
        load_checkpoint(saved)


def test_missing_unexpected_and_wrongly_shaped_tensors_are_named_together(saved: Path) -> None:
    def spoil(tensors: dict[str, Tensor]) -> None:
        for layer in range(4):
            del tensors[f"model.decoder.layers.{layer}.router.scale"]
            del tensors[f"model.encoder.language_model.layers.{layer}.layer_scalar"]
        tensors["model.decoder.layers.0.surprise"] = torch.zeros(1)
        tensors["model.decoder.norm.weight"] = torch.zeros(7)

    edit_tensors(saved, spoil)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(saved)
    message = str(caught.value)
    assert "8 missing: layers.0.encoder_scalar, layers.0.router.scale, " in message
    assert "…" in message
    assert "1 unexpected: model.decoder.layers.0.surprise" in message
    assert "1 wrongly shaped: model.decoder.norm.weight is [7], not [32]" in message


def test_quantized_tensors_are_refused(saved: Path) -> None:
    def quantize(tensors: dict[str, Tensor]) -> None:
        tensors["model.decoder.norm.weight"] = tensors["model.decoder.norm.weight"].to(torch.int8)

    edit_tensors(saved, quantize)
    with pytest.raises(CheckpointError, match=r"quantized.*norm\.weight \(I8\)"):
        load_checkpoint(saved)


def test_pickled_weights_are_refused_by_name(saved: Path) -> None:
    (saved / "model.safetensors").rename(saved / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin only: pickle files can run code"):
        load_checkpoint(saved)


def test_a_directory_without_weights_is_refused(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no model\.safetensors"):
        load_checkpoint(saved)


def test_a_missing_shard_is_named(saved: Path) -> None:
    shard(saved, 2)
    (saved / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002\.safetensors.*is missing"):
        load_checkpoint(saved)


def test_an_index_may_not_point_elsewhere(saved: Path) -> None:
    shutil.move(saved / "model.safetensors", saved.parent / "model.safetensors")
    index = {"weight_map": {"model.decoder.norm.weight": "../model.safetensors"}}
    (saved / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match=r"'\.\./model\.safetensors'"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "content", ["{}", "[]", "no JSON", '{"weight_map": [1]}', '{"weight_map": {"a": 1}}']
)
def test_a_malformed_index_is_refused(content: str, saved: Path) -> None:
    shard(saved, 2)
    (saved / "model.safetensors.index.json").write_text(content)
    with pytest.raises(CheckpointError, match="is not an index"):
        load_checkpoint(saved)


@pytest.mark.parametrize("content", [b"", b"no tensors", b"\xff" * 64])
def test_an_unreadable_weight_file_is_named(content: bytes, saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot read model\.safetensors"):
        load_checkpoint(saved)


def test_a_truncated_weight_file_is_named(saved: Path) -> None:
    content = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(content[:-100])
    with pytest.raises(CheckpointError, match=r"cannot read model\.safetensors"):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_missing_file_is_named(name: str, saved: Path) -> None:
    (saved / name).unlink()
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        load_checkpoint(saved)


@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["", "[]", "{", "\udcff"])
def test_a_malformed_file_is_named(name: str, content: str, saved: Path) -> None:
    (saved / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "changes",
    [{"t_min": "warm"}, {"t_min": 0.9, "t_max": 0.1}, {"max_denoising_steps": 0}, {"eos_token_id": 400}],
)
def test_a_generation_config_that_does_not_fit_is_refused(changes: dict[str, object], saved: Path) -> None:
    edit_json(saved / "generation_config.json", **changes)
    with pytest.raises(CheckpointError):
        load_checkpoint(saved)


def test_a_checkpoint_without_end_tokens_is_refused(saved: Path) -> None:
    edit_json(saved / "generation_config.json", eos_token_id=None)
    text = json.loads((saved / "config.json").read_text())["text_config"]
    edit_json(saved / "config.json", text_config=text | {"eos_token_id": None})
    with pytest.raises(CheckpointError, match="eos_token_id"):
        load_checkpoint(saved)


def test_a_path_that_is_no_directory_is_refused() -> None:
    with pytest.raises(CheckpointError, match="not downloaded"):
        load_checkpoint("google/diffusiongemma-26B-A4B-it")


def test_weights_that_the_precision_cannot_hold_are_not_saved(tmp_path: Path) -> None:
    model = rough_model()
    with torch.no_grad():
        model.embed_tokens.weight[3, 3] = 1e6
    tokenizer = tokenizer_json(tmp_path)
    with pytest.raises(ConfigError, match=r"embed_tokens\.weight.*float16"):
        save_checkpoint(model, tmp_path / "to", tokenizer=tokenizer, eos_ids=[1], dtype=torch.float16)
    with pytest.raises(ConfigError, match=r"not torch\.int8"):
        save_checkpoint(model, tmp_path / "to", tokenizer=tokenizer, eos_ids=[1], dtype=torch.int8)


def test_an_architecture_that_diffusion_gemma_lacks_is_not_saved(tmp_path: Path) -> None:
    model = rough_model(shared_kv=False)
    with pytest.raises(ConfigError, match="shared_kv"):
        save_checkpoint(model, tmp_path, tokenizer=tokenizer_json(tmp_path), eos_ids=[1])


def test_loading_does_not_import_the_compiler(saved: Path) -> None:
    code = (
        "import sys\n"
        "from agentfast.runtime.model.checkpoint.load import load_checkpoint\n"
        f"load_checkpoint({str(saved)!r})\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
