"""A decoder of the Llama family (Llama, SmolLM2, Qwen2): packed forward pass, files in and out.

Legend: B sequences, T packed tokens, L length of a bucket, H query heads, J key/value heads, E head width,
D model width, V vocabulary.

Modules are named as in transformers, so the state dict *is* the Hugging Face checkpoint. Decoding with a
cache is in decode.py.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from t1_engine.batch import Bucket, Packed
from t1_engine.config import Config
from t1_engine.functional import from_cells, rms_norm, rotate, to_cells
from t1_engine.logprob import token_logprob


class RmsNorm(nn.Module):
    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x_TD: Tensor) -> Tensor:
        return rms_norm(x_TD, self.weight, self.eps)


class Attention(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.query_heads, self.kv_heads, self.width = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        self.q_proj = nn.Linear(c.hidden_size, self.query_heads * self.width, bias=c.qkv_bias)
        self.k_proj = nn.Linear(c.hidden_size, self.kv_heads * self.width, bias=c.qkv_bias)
        self.v_proj = nn.Linear(c.hidden_size, self.kv_heads * self.width, bias=c.qkv_bias)
        self.o_proj = nn.Linear(self.query_heads * self.width, c.hidden_size, bias=c.out_bias)

    def fused(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of q, k and v as one projection: one matrix product instead of three."""
        parts = (self.q_proj, self.k_proj, self.v_proj)
        bias = torch.cat([p.bias for p in parts]) if self.q_proj.bias is not None else None
        return torch.cat([p.weight for p in parts]), bias

    def forward(self, x_TD: Tensor, cos_T1E: Tensor, sin_T1E: Tensor, packed: Packed, kv: list | None) -> Tensor:
        H, J, E = self.query_heads, self.kv_heads, self.width
        qkv_TGE = F.linear(x_TD, *self.fused()).unflatten(-1, (H + 2 * J, E))
        qk_TGE, v_TJE = qkv_TGE.split((H + J, J), dim=1)
        qk_TGE = rotate(qk_TGE, cos_T1E, sin_T1E)
        if kv is not None:
            kv.append((qk_TGE[:, H:], v_TJE))
        mixed = [self._attend(qk_TGE[b.start : b.stop], v_TJE[b.start : b.stop], b) for b in packed.buckets]
        mixed_TD = mixed[0] if len(mixed) == 1 else torch.cat(mixed)
        return self.o_proj(mixed_TD.flatten(1))

    def _attend(self, qk_TGE: Tensor, v_TJE: Tensor, bucket: Bucket) -> Tensor:
        """Causal attention inside each sequence of one bucket: [T, H, E]."""
        H, J = self.query_heads, self.kv_heads
        if bucket.cell_T is not None and bucket.token_C is not None:
            qk_TGE = to_cells(qk_TGE, bucket.cell_T, bucket.token_C)
            v_TJE = to_cells(v_TJE, bucket.cell_T, bucket.token_C)
        rectangle = (bucket.rows, bucket.length)
        qk_BGLE = qk_TGE.unflatten(0, rectangle).transpose(1, 2)
        v_BJLE = v_TJE.unflatten(0, rectangle).transpose(1, 2)
        q_BHLE, k_BJLE = qk_BGLE.split((H, J), dim=1)
        out_BHLE = F.scaled_dot_product_attention(q_BHLE, k_BJLE, v_BJLE, is_causal=True, enable_gqa=H != J)
        out = out_BHLE.transpose(1, 2).flatten(0, 1)
        return out if bucket.cell_T is None else from_cells(out, bucket.cell_T)


class Mlp(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x_TD: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x_TD)) * self.up_proj(x_TD))


class Layer(nn.Module):
    def __init__(self, c: Config) -> None:
        super().__init__()
        self.input_layernorm = RmsNorm(c.hidden_size, c.rms_norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RmsNorm(c.hidden_size, c.rms_norm_eps)
        self.mlp = Mlp(c)

    def forward(
        self, x_TD: Tensor, cos_T1E: Tensor, sin_T1E: Tensor, packed: Packed, kv: list | None, recompute: bool
    ) -> Tensor:
        if recompute and torch.is_grad_enabled():
            # Inside the layer, so that whatever is hooked onto it (FSDP's gathering) happens once a pass.
            return checkpoint(
                self._block, x_TD, cos_T1E, sin_T1E, packed, kv, use_reentrant=False, preserve_rng_state=False
            )
        return self._block(x_TD, cos_T1E, sin_T1E, packed, kv)

    def _block(self, x_TD: Tensor, cos_T1E: Tensor, sin_T1E: Tensor, packed: Packed, kv: list | None) -> Tensor:
        x_TD = x_TD + self.self_attn(self.input_layernorm(x_TD), cos_T1E, sin_T1E, packed, kv)
        return x_TD + self.mlp(self.post_attention_layernorm(x_TD))


class Decoder(nn.Module):
    """transformers' inner `model`: everything but the vocabulary projection."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(c.vocab_size, c.hidden_size)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))
        self.norm = RmsNorm(c.hidden_size, c.rms_norm_eps)


class Model(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)

    @property
    def head_VD(self) -> Tensor:
        """[V, D] the vocabulary projection; the embedding itself when tied."""
        return self.model.embed_tokens.weight if self.config.tie_word_embeddings else self.lm_head.weight

    def forward(
        self, packed: Packed, kv: list | None = None, recompute: bool = False, score: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """[T, D] normed hidden states; logits are forward(packed) @ head_VD.T (logprob.py avoids that product).

        kv: a list that receives, for each layer, rotated keys and values, both [T, J, E] (prefill).
        recompute: a layer keeps its input alone for the backward pass, which computes the rest again: the same bits.
        score: gives token_logprob of the responses instead. In here, because FSDP gathers the head for a forward pass.
        """
        cos_T1E, sin_T1E = rotation(self.config, packed.position_T)
        x_TD = self.model.embed_tokens(packed.token_T)
        for layer in self.model.layers:
            x_TD = layer(x_TD, cos_T1E, sin_T1E, packed, kv, recompute)
        x_TD = self.model.norm(x_TD)
        if score:
            return token_logprob(x_TD.index_select(0, packed.predict_R), self.head_VD, packed.target_R)
        return x_TD


def rotation(c: Config, position_T: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines [T, 1, E] of the rotary angles, both halves filled (rotate_half)."""
    exponent = torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim
    angle_TE = torch.outer(position_T.float(), 1.0 / c.rope_theta**exponent).repeat(1, 2)
    return angle_TE.cos().unsqueeze(1), angle_TE.sin().unsqueeze(1)


def build(config: Config, seed: int) -> Model:
    """A fresh model; the same seed gives the same bits. Residual projections are scaled by 1/sqrt(2 layers)."""
    generator = torch.Generator("cpu").manual_seed(seed)
    with torch.device("cpu"):
        model = Model(config)
    for name, p in model.named_parameters():
        if p.dim() < 2:
            nn.init.constant_(p, 0.0 if name.endswith("bias") else 1.0)
            continue
        residual = name.endswith(("o_proj.weight", "down_proj.weight"))
        std = config.initializer_range / (2 * config.num_hidden_layers) ** 0.5 if residual else config.initializer_range
        nn.init.normal_(p, 0.0, std, generator=generator)
    return model


def empty(config: Config, device: torch.device) -> Model:
    """A model whose weights are about to be written."""
    with torch.device("meta"):
        model = Model(config)
    return model.to_empty(device=device)


def load(directory: str | Path, dtype: torch.dtype = torch.float32) -> Model:
    """Reads config.json and *.safetensors (one file or shards). Missing or unknown tensors raise ValueError."""
    directory = Path(directory)
    config = Config.from_hf(json.loads((directory / "config.json").read_text()))
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{directory}: no *.safetensors")
    state: dict[str, Tensor] = {}
    for file in files:
        state |= load_file(file)
    if config.tie_word_embeddings:
        state.pop("lm_head.weight", None)  # some writers repeat the tied embedding
    with torch.device("meta"):  # no memory for weights that are about to be replaced
        model = Model(config)
    # Copies: the files are mapped, and may change.
    copies = {name: t.to(dtype, copy=True) for name, t in state.items()}
    missing, unknown = model.load_state_dict(copies, strict=False, assign=True)
    if missing or unknown:
        raise ValueError(f"{directory}: tensors missing: {missing or 'none'}; unknown: {unknown or 'none'}")
    return model


def save(model: Model, directory: str | Path) -> None:
    """Writes config.json and model.safetensors, which transformers and vLLM load."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().contiguous() for k, v in model.state_dict().items()}
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    save_config(model.config, directory)


def save_config(config: Config, directory: Path) -> None:
    (directory / "config.json").write_text(json.dumps(config.to_hf(), indent=2, sort_keys=True) + "\n")
