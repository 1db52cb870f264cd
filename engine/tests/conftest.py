"""Puts the package on the path, and makes CPU arithmetic quick and repeatable."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from t1_engine.config import Config
from t1_engine.model import Model, build

torch.set_num_threads(1)

TINY = dict(
    vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.3,
)  # fmt: skip


@pytest.fixture(params=["llama", "llama-biased-tied", "qwen2"])
def config(request) -> Config:
    extra = {
        "llama": dict(rope_theta=500.0, head_dim=16),
        "llama-biased-tied": dict(attention_bias=True, tie_word_embeddings=True),
        "qwen2": dict(model_type="qwen2", tie_word_embeddings=True, rms_norm_eps=1e-5),
    }
    return Config(**(TINY | extra[request.param]))


@pytest.fixture
def tiny() -> Model:
    return build(Config(**TINY, tie_word_embeddings=True), seed=3)


def shake(model: Model) -> Model:
    """Gives biases and norms values too: at their initial 0 and 1 a test would not see them."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 1:
                p.add_(torch.randn(p.shape, generator=generator) * 0.3)
    return model
