"""The model against transformers, which is the specification."""

import pytest
import torch
from conftest import shake
from transformers import AutoModelForCausalLM

from t1_engine.batch import Tokens, pack
from t1_engine.config import Config
from t1_engine.decode import Cache, Decoder
from t1_engine.model import build, load, save


def random_tokens(n: int, seed: int, vocabulary: int = 61) -> list[int]:
    return torch.randint(vocabulary, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


@torch.no_grad()
def test_packed_logits_and_files_equal_transformers(config, tmp_path):
    model = shake(build(config, seed=1))
    save(model, tmp_path)
    reference = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    assert type(reference).__name__ in ("LlamaForCausalLM", "Qwen2ForCausalLM")
    lengths = [30, 7, 31, 12, 30, 29]
    sequences = [Tokens(random_tokens(3, i), random_tokens(n - 3, 9 + i)) for i, n in enumerate(lengths)]
    packed = pack(sequences)
    assert len(packed.buckets) > 1 and any(b.cell_T is not None for b in packed.buckets)
    logits_TV = model(packed) @ model.head_VD.T
    at = 0
    for i in packed.order:
        ids = [*sequences[i].prompt, *sequences[i].response][:-1]
        want_TV = reference(torch.tensor([ids])).logits[0]
        torch.testing.assert_close(logits_TV[at : at + len(ids)], want_TV, atol=2e-4, rtol=1e-4)
        at += len(ids)

    reference.save_pretrained(tmp_path / "theirs")  # and the way back
    again = load(tmp_path / "theirs")
    assert again.config.head_dim == config.head_dim and again.config.qkv_bias == config.qkv_bias
    for (name, p), q in zip(model.named_parameters(), again.parameters(), strict=True):
        assert torch.equal(p, q), name


@torch.no_grad()
def test_cached_decoding_equals_transformers(config, tmp_path):
    model = shake(build(config, seed=2))
    save(model, tmp_path)
    reference = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    prompts = [random_tokens(5, 1), random_tokens(9, 2), random_tokens(1, 3)]
    row_prompt = [0, 0, 1, 2, 2]
    cache = Cache(Decoder(model), prompts, row_prompt, room=12)
    texts = [list(prompts[p]) for p in row_prompt]
    logits = cache.first_logits
    rows = list(range(5))
    for t in range(12):
        for b, row in enumerate(rows):
            want = reference(torch.tensor([texts[row]])).logits[0, -1]
            torch.testing.assert_close(logits[b], want, atol=3e-4, rtol=1e-4)
        if t == 6:  # rows leave the batch
            cache.keep(torch.tensor([1, 2, 4]))
            rows = [1, 2, 4]
        token = torch.tensor(random_tokens(len(rows), 50 + t))
        for b, row in enumerate(rows):
            texts[row].append(int(token[b]))
        if t < 11:
            logits = cache.step(token)


def test_gradients_equal_transformers(config, tmp_path):
    model = shake(build(config, seed=4))
    save(model, tmp_path)
    reference = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    sequences = [Tokens(random_tokens(4, i), random_tokens(n, 20 + i)) for i, n in enumerate((9, 20, 19))]
    packed = pack(sequences)
    logits = (model(packed) @ model.head_VD.T)[packed.predict_R]
    torch.nn.functional.cross_entropy(logits, packed.target_R, reduction="sum").backward()
    for s in sequences:
        ids = torch.tensor([[*s.prompt, *s.response]])
        labels = ids.clone()
        labels[:, : len(s.prompt)] = -100
        (reference(ids, labels=labels).loss * len(s.response)).backward()
    theirs = dict(reference.named_parameters())
    for name, p in model.named_parameters():
        scale = theirs[name].grad.abs().max()
        assert (p.grad - theirs[name].grad).abs().max() <= 2e-4 * scale, name


def test_build_is_a_function_of_the_seed(config):
    first, same, other = build(config, 7), build(config, 7), build(config, 8)
    assert all(torch.equal(p, q) for p, q in zip(first.parameters(), same.parameters(), strict=True))
    assert not torch.equal(first.model.embed_tokens.weight, other.model.embed_tokens.weight)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model_type": "gpt2"}, "model_type"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope_type"),
        ({"num_key_value_heads": 3}, "num_key_value_heads"),
    ],
)
def test_configs_that_would_compute_something_else_are_refused(change, named):
    raw = {"vocab_size": 9, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 4}
    with pytest.raises(ValueError, match=named):
        Config.from_hf(raw | change)


def test_load_names_what_is_missing(tiny, tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path)
    save(tiny, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="safetensors"):
        load(tmp_path)
