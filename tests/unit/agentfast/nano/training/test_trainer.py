"""The recipe: tokenizer, batches, losses and the resumable trainer."""

from __future__ import annotations

import multiprocessing
from itertools import islice
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from agentfast.messages import AssistantMessage
from agentfast.nano.training import train, trainer
from agentfast.nano.training.corpus.batches import BatchStream, encode_episode, episode_texts, make_batch
from agentfast.nano.training.corpus.episodes import episodes
from agentfast.nano.training.losses import DenoiseAttention, add_noise, denoiser, encode, losses
from agentfast.nano.training.optimizer import orthogonalise
from agentfast.nano.training.presets import PRESETS, Preset, initialise
from agentfast.nano.training.tokenizer import VOCABULARY_SIZE, train_tokenizer
from agentfast.nano.training.trainer import Recipe, Trainer
from agentfast.nano.training.workers import Workers
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.load import load_checkpoint

TINY = Preset(
    hidden=32,
    intermediate=32,
    heads=2,
    head_dim=16,
    layers=("sliding", "full"),
    experts=4,
    expert_intermediate=16,
    window=64,
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    texts = [text for episode in islice(episodes(seed=1), 300) for text in episode_texts(episode)]
    return Tokenizer(train_tokenizer(texts, vocab_size=512), [1])


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> BlockDiffusionModel:
    torch.manual_seed(0)
    model = BlockDiffusionModel(TINY.model_config(tokenizer.vocabulary.size, "diffusion"))
    initialise(model)
    return model


@pytest.mark.parametrize("word", ["Marta", "kettle", "zorvex", "ana.kovac@mail.com", "2026-11-02"])
def test_a_value_is_tokenised_alike_after_a_space_and_after_a_quote(tokenizer: Tokenizer, word: str) -> None:
    ids = tokenizer.encode(word)
    assert tokenizer.encode(f"Ask {word}")[-len(ids) :] == ids
    assert tokenizer.encode(f'{{"name":"{word}')[-len(ids) :] == ids


def test_digits_are_single_tokens(tokenizer: Tokenizer) -> None:
    assert [tokenizer.decode([token]) for token in tokenizer.encode("20461")] == list("20461")


def test_turns_are_what_the_assistant_says(tokenizer: Tokenizer) -> None:
    for episode in islice(episodes(seed=2), 50):
        encoded = encode_episode(episode, tokenizer)
        spoken = [message for message in episode.messages if isinstance(message, AssistantMessage)]
        assert len(encoded.turns) == len(spoken)
        for (start, end), message in zip(encoded.turns, spoken, strict=True):
            assert encoded.tokens[start - 1] == tokenizer.special("<|assistant|>")
            assert encoded.tokens[end - 1] == tokenizer.special("<|end|>")
            text = tokenizer.decode(encoded.tokens[start:end])
            assert message.text in text
            assert all(f'"name":"{call.name}"' in text for call in message.calls)


def test_canvases_put_together_are_the_turns(tokenizer: Tokenizer) -> None:
    encoded = [encode_episode(episode, tokenizer) for episode in islice(episodes(seed=3), 20)]
    batch = make_batch(encoded, 16, pad=0)
    said: dict[int, list[int]] = {row: [] for row in range(20)}
    for owner, canvas, weights in zip(batch.owner, batch.canvas, batch.canvas_weights, strict=True):
        said[int(owner)] += canvas[weights == 1.0].tolist()
    for row, item in enumerate(encoded):
        assert said[row] == [token for start, end in item.turns for token in item.tokens[start:end]]


def test_a_batch_depends_on_seed_and_step_alone(tokenizer: Tokenizer) -> None:
    def stream() -> BatchStream:
        return BatchStream(tokenizer, seed=4, batch_size=2, canvas_lengths=(16, 32), batches_per_chunk=2)

    straight, jumping = stream(), stream()
    in_order = [straight.batch(step) for step in range(5)]
    assert torch.equal(jumping.batch(4).tokens, in_order[4].tokens)
    assert torch.equal(jumping.batch(1).canvas, in_order[1].canvas)
    assert not torch.equal(in_order[0].tokens, in_order[4].tokens)


def test_noise_replaces_every_token_of_half_the_canvases_and_any_share_of_the_others(
    model: BlockDiffusionModel,
) -> None:
    canvas = torch.full((400, 64), 7)
    noised = add_noise(canvas, 1 << 20, torch.Generator().manual_seed(0))
    assert (noised[:200] != canvas[:200]).all()
    share = (noised[200:] != canvas[200:]).float().mean(dim=1).sort().values
    assert (share - torch.arange(200) / 200).abs().max() < 0.2  # within the noise of 64 draws
    assert (share - torch.arange(200) / 200).abs().mean() < 0.05


def test_a_canvas_sees_its_prefix_and_itself_only(tokenizer: Tokenizer, model: BlockDiffusionModel) -> None:
    encoded = [encode_episode(episode, tokenizer) for episode in islice(episodes(seed=5), 2)]
    batch = make_batch(encoded, 16, pad=0)

    def hidden(tokens: torch.Tensor, canvas: torch.Tensor) -> torch.Tensor:
        batch.tokens[:] = tokens
        attention, _ = encode(model, batch)
        return denoiser(model, batch, attention)(canvas, None).view(*canvas.shape, -1)

    tokens, canvas = batch.tokens.clone(), batch.canvas.clone()
    before = hidden(tokens, canvas)
    start, owner = int(batch.start[0]), int(batch.owner[0])
    changed = tokens.clone()
    changed[owner, start:] = 9  # the future, the target itself included
    changed[1 - owner] = 9  # the neighbour
    torch.testing.assert_close(hidden(changed, canvas)[0], before[0])
    changed = tokens.clone()
    changed[owner, start - 1] = 9  # the last token of its prefix
    assert not torch.allclose(hidden(changed, canvas)[0], before[0])
    other = canvas.clone()
    other[0, -1] = 9  # its own last token reaches its first
    assert not torch.allclose(hidden(tokens, other)[0, 0], before[0, 0])


def test_sliding_layers_see_the_last_window_of_the_prefix(
    tokenizer: Tokenizer, model: BlockDiffusionModel
) -> None:
    batch = make_batch([encode_episode(next(iter(episodes(seed=6))), tokenizer)], 16, pad=0)
    attention, _ = encode(model, batch)
    masks = DenoiseAttention(attention, batch).masks
    starts = cast("list[int]", batch.start.tolist())
    for number, start in enumerate(starts):
        seen = cast("list[int]", masks["sliding"][number, 0, 0].nonzero().flatten().tolist())
        length = batch.tokens.shape[1]
        assert seen == [*range(max(0, start - TINY.window + 1), start), *range(length, length + 16)]


def test_presets_fit_their_files() -> None:
    for name, megabytes in (("cpu", 16), ("gpu", 60)):
        with torch.device("meta"):
            sized = BlockDiffusionModel(PRESETS[name].model_config(VOCABULARY_SIZE, "diffusion"))
        assert 2 * sum(parameter.numel() for parameter in sized.parameters()) <= megabytes * 10**6


def test_losses_fall_on_one_batch(tokenizer: Tokenizer, model: BlockDiffusionModel) -> None:
    batch = make_batch([encode_episode(e, tokenizer) for e in islice(episodes(seed=7), 4)], 16, pad=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    first = last = float("nan")
    for step in range(30):
        result = losses(model, batch, torch.Generator().manual_seed(step % 2))
        torch.autograd.backward(result.total)
        optimizer.step()
        optimizer.zero_grad()
        last = result.total.item()
        first = last if step == 0 else first
    assert last < 0.6 * first


@pytest.mark.parametrize("shape", [(1, 24, 24), (3, 40, 16), (3, 16, 40)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, ...]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    singular = cast("Tensor", cast("Any", torch.linalg).svdvals(orthogonalise(matrix)))
    assert singular.max() < 1.3
    assert singular.median() > 0.65


def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.setattr(trainer, "TOKENIZER_EPISODES", 200)
    recipe = Recipe(preset="tiny", steps=4, batch_size=2, warmup=1)
    unbroken = Trainer(tmp_path / "a", recipe)
    unbroken.run(evaluate_every=4)
    broken = Trainer(tmp_path / "b", recipe)
    for _ in range(2):
        broken.train_step()
    broken.save("last.pt")
    resumed = Trainer(tmp_path / "b", recipe)
    resumed.restore(tmp_path / "b" / "last.pt")
    resumed.run()
    for (name, left), right in zip(
        unbroken.model.state_dict().items(), resumed.model.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(left, right, msg=name)
    assert (tmp_path / "a" / "log.jsonl").read_text().count("one_step_exact") == 1
    assert (tmp_path / "a" / "stable.pt").exists()


def test_twins_branch_from_one_trunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.setattr(trainer, "TOKENIZER_EPISODES", 200)
    trunk, small = tmp_path / "trunk", ["--preset", "tiny", "--batch-size", "2"]
    train.main([*small, "--out", str(trunk), "--steps", "2", "--cooldown", "0"])
    start = torch.load(trunk / "stable.pt", weights_only=True)
    assert start["step"] == 2
    seen: list[Tensor] = []
    for decoder in ("diffusion", "autoregressive"):
        branch = tmp_path / decoder
        options = ["--out", str(branch), "--decoder", decoder, "--from", str(trunk)]
        # Without a step, the weights that are exported are the trunk's.
        train.main([*small, *options, "--steps", "0", "--export", str(branch / "start")])
        loaded = load_checkpoint(branch / "start")
        assert loaded.model.config.kind == decoder
        torch.testing.assert_close(
            loaded.model.embed_tokens.weight, start["model"]["embed_tokens.weight"], atol=1e-3, rtol=1e-2
        )
        assert (branch / "tokenizer.json").read_bytes() == (trunk / "tokenizer.json").read_bytes()
        (branch / "last.pt").unlink()
        train.main([*small, *options, "--steps", "2", "--export", str(branch / "end")])
        trained = load_checkpoint(branch / "end").model
        assert not torch.equal(trained.embed_tokens.weight, loaded.model.embed_tokens.weight)
        seen.append(Trainer(branch, Recipe(preset="tiny", batch_size=2)).stream.batch(1).tokens)
    assert torch.equal(*seen)


def train_together(rank: int, folder: Path, recipe: Recipe, results: Path) -> None:
    """One of two processes: a few steps, then its weights to a file."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{results / 'meeting'}", rank=rank, world_size=2
    )
    PRESETS["tiny"] = TINY
    trainer = Trainer(folder, recipe, workers=Workers(rank, 2))
    for _ in range(recipe.steps):
        trainer.train_step()
    torch.save(trainer.model.state_dict(), results / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_processes_that_share_batches_keep_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    monkeypatch.setattr(trainer, "TOKENIZER_EPISODES", 200)
    recipe = Recipe(preset="tiny", steps=2, batch_size=4, warmup=1)
    start = Trainer(tmp_path / "run", recipe).model.state_dict()
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=train_together, args=(rank, tmp_path / "run", recipe, tmp_path))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
        assert process.exitcode == 0
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, weights in first.items():
        assert torch.equal(weights, second[name]), name
    assert not torch.equal(first["embed_tokens.weight"], start["embed_tokens.weight"])


def test_the_shards_of_a_batch_are_the_batch(tokenizer: Tokenizer) -> None:
    def tokens(shard: tuple[int, int]) -> list[list[int]]:
        stream = BatchStream(
            tokenizer, seed=8, batch_size=4, canvas_lengths=(16,), batches_per_chunk=2, shard=shard
        )
        batch = stream.batch(1)
        return [row[:length].tolist() for row, length in zip(batch.tokens, batch.lengths, strict=True)]

    whole, even, odd = tokens((0, 1)), tokens((0, 2)), tokens((1, 2))
    assert [even[0], odd[0], even[1], odd[1]] == whole
