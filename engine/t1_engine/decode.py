"""Decoding with a key/value cache: one token a row a step, as few operations a layer as torch allows.

Legend: B rows, S cache slots, J key/value heads, G = query heads / key/value heads, E head width,
D width, V vocabulary.

The cache is allocated once and written in place. Rows are aligned on the right: all write the same slot, and
a row whose prompt is shorter starts at a later slot; slots before its start are masked. Weights are
fused once per decoder: norm scales folded into the projections after them, q, k and v in one, gate and up in
one. Head dimensions are reordered so that a rotary pair is adjacent, which makes the rotation one complex
product; scores do not change, because q and k are reordered alike.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from t1_engine.batch import Tokens, pack
from t1_engine.model import Model


class Decoder:
    """Weights prepared for decoding. A snapshot: later changes of the model are not seen."""

    @torch.no_grad()
    def __init__(self, model: Model) -> None:
        c = self.config = model.config
        self.model = model
        self.group = c.num_attention_heads // c.num_key_value_heads
        self.embed_VD = model.model.embed_tokens.weight.detach()
        self.dtype = self.embed_VD.dtype
        self.eps = torch.tensor(c.rms_norm_eps)
        self.head_DV = scaled(model.head_VD, model.model.norm.weight).T.contiguous()
        half = torch.arange(c.head_dim).unflatten(0, (2, -1))
        self.pairs_E = half.T.flatten()  # (0, E/2, 1, E/2 + 1, ...)
        exponent = torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim
        self.rate_E = 1.0 / c.rope_theta**exponent
        self.layers = [self._fuse(layer) for layer in model.model.layers]

    def _fuse(self, layer) -> tuple[Any, ...]:
        c, a = self.config, layer.self_attn
        rotated = c.num_attention_heads + c.num_key_value_heads
        weight, bias = a.fused()
        if bias is None:
            bias = weight.new_zeros(len(weight))
        row = torch.arange(len(weight))
        row[: rotated * c.head_dim] = (torch.arange(rotated)[:, None] * c.head_dim + self.pairs_E).flatten()
        qkv = scaled(weight, layer.input_layernorm.weight)[row].T.contiguous()
        mlp = layer.mlp
        gate_up = scaled(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]), layer.post_attention_layernorm.weight)
        out_bias = a.o_proj.bias.detach() if a.o_proj.bias is not None else None
        return (
            qkv, bias[row].detach(), a.o_proj.weight.detach().T.contiguous(), out_bias,
            gate_up.T.contiguous(), mlp.down_proj.weight.detach().T.contiguous(),
        )  # fmt: skip

    def logits(self, x_BD: Tensor) -> Tensor:
        """[B, V] from the last layer's output, before the final norm."""
        return self._norm(x_BD) @ self.head_DV

    def _norm(self, x_BD: Tensor) -> Tensor:
        """RMSNorm without its scale. torch's own takes as long again: it has no kernel of its own on a CPU."""
        norm_B1 = torch.linalg.vector_norm(x_BD, dim=-1, keepdim=True, dtype=torch.float32)
        return x_BD * torch.addcmul(self.eps, norm_B1, norm_B1, value=1 / x_BD.shape[-1]).rsqrt_().to(x_BD.dtype)


def scaled(weight_OD: Tensor, scale_D: Tensor) -> Tensor:
    """A projection with the scale of the norm before it folded in; rounded once."""
    return (weight_OD.float() * scale_D.float()).to(weight_OD.dtype)


class Cache:
    """Keys and values of a batch of rows, and where each row begins."""

    def __init__(self, decoder: Decoder, prompts: list[list[int]], row_prompt: list[int], room: int) -> None:
        """Prefills every prompt once and copies its entries to the rows that continue it.

        row_prompt: for each row its prompt's index. room: tokens a row may add.
        """
        c = decoder.config
        self.decoder = decoder
        self.slot = max(map(len, prompts))  # the next slot to write, common to all rows
        slots = self.slot + room - 1  # the last sampled token is never fed back
        if slots > c.max_position_embeddings:
            raise ValueError(
                f"prompt and response: {slots + 1} tokens; "
                f"the model's max_position_embeddings is {c.max_position_embeddings}"
            )
        prompt_B = torch.tensor(row_prompt)
        start_P = torch.tensor([self.slot - len(p) for p in prompts])
        self.start_B = start_P[prompt_B]
        self.ragged = bool(start_P.any())
        shape = (c.num_hidden_layers, 2, len(row_prompt), c.num_key_value_heads, max(1, slots), c.head_dim)
        self.kv = torch.empty(shape, dtype=decoder.dtype)
        if self.ragged:
            self.kv[:, :, :, :, : self.slot] = 0  # masked slots are read: they must not hold NaN
        packed = pack([Tokens(p, []) for p in prompts], shift=False)
        layers: list[tuple[Tensor, Tensor]] = []
        hidden_TD = decoder.model(packed, layers)
        self.first_logits = (hidden_TD[packed.last_B] @ decoder.model.head_VD.T).float()[prompt_B]
        for layer, (k_TJE, v_TJE) in enumerate(layers):
            k_TJE = k_TJE[:, :, decoder.pairs_E]
            for i, p in enumerate(prompts):
                last = int(packed.last_B[i])
                tokens = slice(last - len(p) + 1, last + 1)
                rows = (prompt_B == i).nonzero().squeeze(1)
                low, high = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)  # a prompt's rows are adjacent
                place = (slice(low, high), slice(None), slice(self.slot - len(p), self.slot))
                self.kv[layer, 0][place] = k_TJE[tokens].transpose(0, 1)
                self.kv[layer, 1][place] = v_TJE[tokens].transpose(0, 1)
        self.rows = len(row_prompt)
        self._mask()

    def _mask(self) -> None:
        """mask_B11S is -inf on the slots before a row's start; None when no row needs it."""
        self.mask = None
        if self.ragged:
            early = torch.arange(self.kv.shape[4]) < self.start_B[:, None]
            self.mask = torch.zeros(early.shape, dtype=self.kv.dtype).masked_fill_(early, float("-inf"))[:, None, None]

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but these (ascending), in place: the work of a step follows the rows left."""
        n = len(rows)
        for layer in self.kv:
            for part in layer:
                part[:n, :, : self.slot] = part[: self.rows, :, : self.slot].index_select(0, rows)
        self.start_B = self.start_B[rows]
        self.rows = n
        self._mask()

    def step(self, token_B: Tensor) -> Tensor:
        """Feeds one token to every row; returns float32 logits [B, V] for the next."""
        d, c, B = self.decoder, self.decoder.config, self.rows
        H, J, E = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        angle_BE = (self.slot - self.start_B).float()[:, None] * d.rate_E
        turn_B1E = torch.polar(torch.ones_like(angle_BE), angle_BE)[:, None]
        end = self.slot + 1
        mask = None if self.mask is None else self.mask[..., :end]
        x_BD = d.embed_VD[token_B]
        for (qkv, qkv_bias, out, out_bias, gate_up, down), kv in zip(d.layers, self.kv, strict=True):
            qkv_BHE = torch.addmm(qkv_bias, d._norm(x_BD), qkv).view(B, H + 2 * J, E)
            qk = torch.view_as_complex(qkv_BHE[:, : H + J].float().unflatten(-1, (-1, 2)))
            qk_BHE = torch.view_as_real(qk * turn_B1E).flatten(-2).to(d.dtype)
            kv[0, :B, :, self.slot] = qk_BHE[:, H:]
            kv[1, :B, :, self.slot] = qkv_BHE[:, H + J :]
            # The G query heads of a key/value head are G queries against the same keys: nothing is repeated.
            mixed = F.scaled_dot_product_attention(
                qk_BHE[:, :H].view(B, J, H // J, E), kv[0, :B, :, :end], kv[1, :B, :, :end], attn_mask=mask
            )
            if out_bias is not None:
                x_BD += out_bias
            x_BD.addmm_(mixed.reshape(B, H * E), out)
            gate, up = (d._norm(x_BD) @ gate_up).chunk(2, -1)
            x_BD.addmm_(F.silu(gate).mul_(up), down)
        self.slot = end
        return d.logits(x_BD).float()
