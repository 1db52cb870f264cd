"""Decoding with a key/value cache: one token a row a step, as few operations a layer as torch allows.

Legend: B rows, P prompts, S cache slots, J key/value heads, G = query heads / key/value heads, Q queries, E head
width, D width, V vocabulary.

The cache is allocated once and written in place: the keys and values of each prompt once, those of each row's own
tokens apart from them. Attention is over both, joined. Weights are
fused once per decoder: norm scales folded into the projections after them, q, k and v in one, gate and up in
one. Head dimensions are reordered so that a rotary pair is adjacent, which makes the rotation one complex
product; scores do not change, because q and k are reordered alike.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from t1_engine.attend import attend, join
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
    """Keys and values of a batch of rows. A prompt's are kept once and read once a step, for all the rows that continue
    it: what a step reads from memory is what it costs."""

    def __init__(self, decoder: Decoder, prompts: list[list[int]], row_prompt: list[int], room: int) -> None:
        """Prefills every prompt.

        row_prompt: for each row its prompt's index, ascending; every prompt has rows. room: tokens a row may add.
        """
        c = decoder.config
        longest = max(map(len, prompts))
        if longest + room > c.max_position_embeddings:
            raise ValueError(
                f"prompt and response: {longest + room} tokens; "
                f"the model's max_position_embeddings is {c.max_position_embeddings}"
            )
        self.decoder = decoder
        self.prompt_B = torch.tensor(row_prompt)
        self.length_P = torch.tensor([len(p) for p in prompts])
        self.fed = 0  # tokens of every row
        each = (c.num_hidden_layers, 2, c.num_key_value_heads, c.head_dim)
        self.prompt_kv = slots(decoder, each, len(prompts), longest).zero_()  # masked slots are read: no NaN there
        # The last sampled token is never fed back.
        self.own_kv = slots(decoder, each, len(row_prompt), max(1, room - 1))
        packed = pack([Tokens(p, []) for p in prompts], shift=False)
        layers: list[tuple[Tensor, Tensor]] = []
        hidden_TD = decoder.model(packed, layers)
        self.first_logits = (hidden_TD[packed.last_B] @ decoder.model.head_VD.T)[self.prompt_B]
        for kv, (k_TJE, v_TJE) in zip(self.prompt_kv, layers, strict=True):
            k_TJE = k_TJE[:, :, decoder.pairs_E]
            for i, p in enumerate(prompts):
                last = int(packed.last_B[i])
                tokens = slice(last - len(p) + 1, last + 1)
                kv[0, i, :, : len(p)] = k_TJE[tokens].transpose(0, 1)
                kv[1, i, :, : len(p)] = v_TJE[tokens].transpose(0, 1)
        self._place()

    def _place(self) -> None:
        """Where each row's queries are among those of its prompt: each has places for as many as the one with most."""
        rows_P = torch.bincount(self.prompt_B)
        self.width = int(rows_P.max())
        first_P = rows_P.cumsum(0) - rows_P
        self.place_B = self.prompt_B * self.width + torch.arange(len(self.prompt_B)) - first_P[self.prompt_B]
        late_PS = torch.arange(self.prompt_kv.shape[4]) >= self.length_P[:, None]
        mask = torch.zeros(late_PS.shape, dtype=self.decoder.dtype).masked_fill_(late_PS, float("-inf"))
        self.mask_P11S = mask[:, None, None] if bool(late_PS.any()) else None

    def keep(self, rows: Tensor) -> None:
        """Drops all rows but these (ascending), and prompts without any: the work of a step follows the rows left."""
        drop(self.own_kv, rows, self.fed)
        kept_P, self.prompt_B = torch.unique(self.prompt_B[rows], return_inverse=True)
        if len(kept_P) < len(self.length_P):
            self.length_P = self.length_P[kept_P]
            drop(self.prompt_kv, kept_P, self.prompt_kv.shape[4])
            self.prompt_kv = self.prompt_kv[:, :, : len(kept_P)]
        self._place()

    def step(self, token_B: Tensor) -> Tensor:
        """Feeds one token to every row; returns logits [B, V] for the next, in the model's type."""
        d, c, B = self.decoder, self.decoder.config, len(self.prompt_B)
        H, J, E = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        angle_BE = (self.length_P[self.prompt_B] + self.fed).float()[:, None] * d.rate_E
        turn_B1E = torch.polar(torch.ones_like(angle_BE), angle_BE)[:, None]
        own = slice(self.fed + 1)
        x_BD = d.embed_VD[token_B]
        for layer, prompt_kv, kv in zip(d.layers, self.prompt_kv, self.own_kv, strict=True):
            qkv, qkv_bias, out, out_bias, gate_up, down = layer
            qkv_BHE = torch.addmm(qkv_bias, d._norm(x_BD), qkv).view(B, H + 2 * J, E)
            qk = torch.view_as_complex(qkv_BHE[:, : H + J].float().unflatten(-1, (-1, 2)))
            qk_BHE = torch.view_as_real(qk * turn_B1E).flatten(-2).to(d.dtype)
            kv[0, :B, :, self.fed] = qk_BHE[:, H:]
            kv[1, :B, :, self.fed] = qkv_BHE[:, H + J :]
            # The G query heads of a key/value head are G queries against the same keys: nothing is repeated.
            q_BJGE = qk_BHE[:, :H].view(B, J, H // J, E)
            mixed = join(self._prompt(q_BJGE, prompt_kv), attend(q_BJGE, kv[0, :B, :, own], kv[1, :B, :, own]))
            if out_bias is not None:
                x_BD += out_bias
            x_BD.addmm_(mixed.reshape(B, H * E), out)
            gate, up = (d._norm(x_BD) @ gate_up).chunk(2, -1)
            x_BD.addmm_(F.silu(gate).mul_(up), down)
        self.fed += 1
        return d.logits(x_BD)

    def _prompt(self, q_BJGE: Tensor, kv: Tensor) -> tuple[Tensor, Tensor]:
        """What `attend` gives over the prompts' keys: the queries of all rows of a prompt at once."""
        P, J, G, E = len(kv[0]), *q_BJGE.shape[1:]
        places = q_BJGE.new_zeros(P * self.width, J, G, E).index_copy_(0, self.place_B, q_BJGE)
        q_PJQE = places.view(P, self.width, J, G, E).transpose(1, 2).flatten(2, 3)
        out_PJQE, total_PJQ = attend(q_PJQE, kv[0], kv[1], self.mask_P11S)
        split = (self.width, G)
        out = out_PJQE.unflatten(2, split).transpose(1, 2).flatten(0, 1)[self.place_B]
        return out, total_PJQ.unflatten(2, split).transpose(1, 2).flatten(0, 1)[self.place_B]


def slots(decoder: Decoder, each: tuple[int, int, int, int], rows: int, length: int) -> Tensor:
    """Room for keys and values; `each` is layers, 2, heads and width."""
    layers, two, heads, width = each
    return torch.empty((layers, two, rows, heads, length, width), dtype=decoder.dtype)


def drop(kv: Tensor, rows: Tensor, written: int) -> None:
    """Moves these rows (ascending) to the front, of as many slots as are written."""
    for layer in kv:
        for part in layer:
            part[: len(rows), :, :written] = part[:, :, :written].index_select(0, rows)
