"""The recipe's update once more, in float64 and NumPy alone: what the engine's float32 is measured against.

One sequence at a time: no packing, no padding, no chunks, no autograd, nothing of t1_engine. Gradients are derived by
hand; test_exact_reference.py holds them to finite differences.

Legend: T input tokens of a sequence, R response tokens, D width, H query heads, J key/value heads, E head width,
V vocabulary. Weights carry their Hugging Face names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

Array = np.ndarray
Tensors = dict[str, Array]
ADAM_EPS = 1e-8
HEAD, EMBED = "lm_head.weight", "model.embed_tokens.weight"


@dataclass(frozen=True)
class Shape:
    layers: int
    heads: int
    kv_heads: int
    rms_eps: float = 1e-6
    rope_theta: float = 10000.0


@dataclass(frozen=True)
class Group:
    """One prompt, its K responses and their rewards r'."""

    prompt: Sequence[int]
    responses: Sequence[Sequence[int]]
    rewards: Sequence[float]
    old: Sequence[Sequence[float]] | None = None  # log-probabilities the ratio is taken to; None: the policy's own


@dataclass(frozen=True)
class Hyper:
    lr: float
    alpha: float
    beta: float
    clip: float = 0.2
    grad_clip: float = np.inf
    aggregation: str = "response"
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    anchor: float = 1.0  # weight of the old anchor in the moving average; 1: fixed


@dataclass
class State:
    shape: Shape
    policy: Tensors
    anchor: Tensors
    first: Tensors = field(default_factory=dict)  # AdamW's moments
    second: Tensors = field(default_factory=dict)
    age: int = 0


@dataclass
class Numbers:
    """What one step reports, before it moves the weights. Lists are in the order of groups, then responses."""

    pg_loss: float = 0.0
    entropy: float = 0.0  # nats, mean over response tokens
    clipped: int = 0  # tokens
    loss: float = 0.0
    grad_norm: float = 0.0  # before clipping
    d: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)  # -log pi of each response, nats: what d is a difference of
    advantage: list[float] = field(default_factory=list)
    grad: Tensors = field(default_factory=dict)  # before clipping


def update(state: State, groups: Sequence[Group], hyper: Hyper) -> Numbers:
    """One reinforcement-learning step: AdamW on the policy, in place, then the anchor's move."""
    numbers = objective(state, groups, hyper)
    numbers.grad_norm = float(np.sqrt(sum(np.sum(g * g) for g in numbers.grad.values())))
    scale = min(1.0, hyper.grad_clip / numbers.grad_norm)
    adamw(state, {n: g * scale for n, g in numbers.grad.items()}, hyper)
    for name, p in state.policy.items():
        state.anchor[name] = hyper.anchor * state.anchor[name] + (1 - hyper.anchor) * p
    return numbers


def objective(state: State, groups: Sequence[Group], hyper: Hyper) -> Numbers:
    """L = L_PG - alpha H (recipe section 2) and its gradient."""
    out = Numbers(grad={n: np.zeros_like(p) for n, p in state.policy.items()})
    responses = sum(len(g.responses) for g in groups)
    tokens = sum(len(y) for g in groups for y in g.responses)
    for g in groups:
        seen = [Pass(state.policy, state.shape, g.prompt, y) for y in g.responses]
        refs = [Pass(state.anchor, state.shape, g.prompt, y) for y in g.responses]
        d = [float(np.sum(p.logprob_R - q.logprob_R)) for p, q in zip(seen, refs, strict=True)]
        composite = [r - hyper.beta * x for r, x in zip(g.rewards, d, strict=True)]
        for i, p in enumerate(seen):
            others = composite[:i] + composite[i + 1 :]
            a = composite[i] - sum(others) / len(others)
            old_R = p.logprob_R if g.old is None else np.asarray(g.old[i], np.float64)
            ratio_R = np.exp(p.logprob_R - old_R)
            cut_R = np.clip(ratio_R, 1 - hyper.clip, 1 + hyper.clip)
            bound_R = cut_R * a < ratio_R * a
            share = 1 / (len(old_R) * responses) if hyper.aggregation == "response" else 1 / tokens
            out.pg_loss -= share * float(np.sum(np.minimum(ratio_R * a, cut_R * a)))
            out.entropy += float(np.sum(p.entropy_R)) / tokens
            out.clipped += int(np.sum(bound_R))
            p.backward(np.where(bound_R, 0.0, -share * a * ratio_R), -hyper.alpha / tokens, out.grad)
            out.advantage.append(a)
            out.total.append(float(-np.sum(p.logprob_R)))
        out.d += d
    out.loss = out.pg_loss - hyper.alpha * out.entropy
    return out


def adamw(state: State, grad: Tensors, hyper: Hyper) -> None:
    """Decoupled weight decay on matrices only, bias-corrected moments."""
    b1, b2 = hyper.betas
    state.age += 1
    for name, g in grad.items():
        p = state.policy[name]
        state.first[name] = b1 * state.first.get(name, 0.0) + (1 - b1) * g
        state.second[name] = b2 * state.second.get(name, 0.0) + (1 - b2) * g * g
        m = state.first[name] / (1 - b1**state.age)
        v = state.second[name] / (1 - b2**state.age)
        decay = hyper.weight_decay if p.ndim == 2 else 0.0
        state.policy[name] = p - hyper.lr * (m / (np.sqrt(v) + ADAM_EPS) + decay * p)


class Pass:
    """One sequence through a Llama, forward at once; `backward` adds to a gradient."""

    def __init__(self, w: Tensors, shape: Shape, prompt: Sequence[int], response: Sequence[int]) -> None:
        self.w, self.shape = w, shape
        self.head = HEAD if HEAD in w else EMBED
        ids = [*prompt, *response]
        self.ids, self.target = np.array(ids[:-1]), np.array(response)
        self.at = np.arange(len(prompt) - 1, len(ids) - 1)
        width = w["model.layers.0.self_attn.q_proj.weight"].shape[0] // shape.heads
        rate_E = shape.rope_theta ** (-np.arange(0, width, 2) / width)
        self.turn = np.exp(1j * np.arange(len(self.ids))[:, None, None] * rate_E)  # [T, 1, E/2]
        self.tape: list[tuple] = []
        x_TD = w[EMBED][self.ids]
        for n in range(shape.layers):
            x_TD = self._mlp(self._attention(x_TD, f"model.layers.{n}."), f"model.layers.{n}.")
        self.last_TD = x_TD
        self.hidden_RD = self._norm(x_TD, "model.norm.weight")[self.at]
        z_RV = self.hidden_RD @ w[self.head].T
        z_RV = z_RV - z_RV.max(-1, keepdims=True)
        self.logp_RV = z_RV - np.log(np.exp(z_RV).sum(-1, keepdims=True))
        self.logprob_R = self.logp_RV[np.arange(len(self.at)), self.target]
        self.entropy_R = -np.sum(np.exp(self.logp_RV) * self.logp_RV, -1)

    def backward(self, by_logprob_R: Array, by_entropy: float, grad: Tensors) -> None:
        """Adds the gradient of sum(by_logprob * logprob) + by_entropy * sum(entropy)."""
        p_RV = np.exp(self.logp_RV)
        # d logprob / d z_v = [v = target] - p_v;  d H / d z_v = -p_v (log p_v + H)
        dz_RV = -by_logprob_R[:, None] * p_RV - by_entropy * p_RV * (self.logp_RV + self.entropy_R[:, None])
        dz_RV[np.arange(len(self.at)), self.target] += by_logprob_R
        grad[self.head] += dz_RV.T @ self.hidden_RD
        dx_TD = np.zeros_like(self.last_TD)
        dx_TD[self.at] = dz_RV @ self.w[self.head]
        dx_TD = self._norm_back(dx_TD, self.last_TD, "model.norm.weight", grad)
        for n in reversed(range(self.shape.layers)):
            dx_TD = self._mlp_back(dx_TD, f"model.layers.{n}.", grad)
            dx_TD = self._attention_back(dx_TD, f"model.layers.{n}.", grad)
        np.add.at(grad[EMBED], self.ids, dx_TD)

    def _norm(self, x_TD: Array, name: str) -> Array:
        return x_TD / np.sqrt(np.mean(x_TD**2, -1, keepdims=True) + self.shape.rms_eps) * self.w[name]

    def _norm_back(self, dy_TD: Array, x_TD: Array, name: str, grad: Tensors) -> Array:
        s_T1 = 1 / np.sqrt(np.mean(x_TD**2, -1, keepdims=True) + self.shape.rms_eps)
        grad[name] += np.sum(dy_TD * x_TD * s_T1, 0)
        g_TD = dy_TD * self.w[name]
        return g_TD * s_T1 - x_TD * s_T1**3 * np.mean(g_TD * x_TD, -1, keepdims=True)

    def _rotate(self, x_THE: Array, turn: Array) -> Array:
        """Pairs (e, e + E/2) are complex numbers; a position turns them."""
        half = x_THE.shape[-1] // 2
        z = (x_THE[..., :half] + 1j * x_THE[..., half:]) * turn
        return np.concatenate([z.real, z.imag], -1)

    def _attention(self, x_TD: Array, layer: str) -> Array:
        a_TD, J, at = self._norm(x_TD, layer + "input_layernorm.weight"), self.shape.kv_heads, layer + "self_attn."
        T, G = len(x_TD), self.shape.heads // J
        q, k, v = (a_TD @ self.w[f"{at}{c}_proj.weight"].T for c in "qkv")
        q, k, v = q.reshape(T, J * G, -1), k.reshape(T, J, -1), v.reshape(T, J, -1)
        q, k = self._rotate(q, self.turn).reshape(T, J, G, -1), self._rotate(k, self.turn)
        s = np.einsum("tjge,uje->jgtu", q, k) / np.sqrt(q.shape[-1])
        s = np.where(np.tril(np.ones((T, T), bool)), s, -np.inf)
        p = np.exp(s - s.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        o = np.einsum("jgtu,uje->tjge", p, v).reshape(T, -1)
        self.tape.append((x_TD, a_TD, q, k, v, p, o))
        return x_TD + o @ self.w[at + "o_proj.weight"].T

    def _attention_back(self, dy_TD: Array, layer: str, grad: Tensors) -> Array:
        x_TD, a_TD, q, k, v, p, o = self.tape.pop()
        at, T = layer + "self_attn.", len(x_TD)
        grad[at + "o_proj.weight"] += dy_TD.T @ o
        do = (dy_TD @ self.w[at + "o_proj.weight"]).reshape(q.shape)
        dv = np.einsum("jgtu,tjge->uje", p, do)
        dp = np.einsum("tjge,uje->jgtu", do, v)
        ds = p * (dp - np.sum(dp * p, -1, keepdims=True)) / np.sqrt(q.shape[-1])
        dq = np.einsum("jgtu,uje->tjge", ds, k).reshape(T, -1, q.shape[-1])
        dk = np.einsum("jgtu,tjge->uje", ds, q)
        dq, dk = self._rotate(dq, self.turn.conj()), self._rotate(dk, self.turn.conj())
        da_TD = np.zeros_like(a_TD)
        for name, d in (("q", dq), ("k", dk), ("v", dv)):
            d = d.reshape(T, -1)
            grad[f"{at}{name}_proj.weight"] += d.T @ a_TD
            da_TD += d @ self.w[f"{at}{name}_proj.weight"]
        return dy_TD + self._norm_back(da_TD, x_TD, layer + "input_layernorm.weight", grad)

    def _mlp(self, x_TD: Array, layer: str) -> Array:
        b_TD = self._norm(x_TD, layer + "post_attention_layernorm.weight")
        gate, up = (b_TD @ self.w[f"{layer}mlp.{c}_proj.weight"].T for c in ("gate", "up"))
        sigmoid = 1 / (1 + np.exp(-gate))
        self.tape.append((x_TD, b_TD, gate, up, sigmoid))
        return x_TD + (gate * sigmoid * up) @ self.w[layer + "mlp.down_proj.weight"].T

    def _mlp_back(self, dy_TD: Array, layer: str, grad: Tensors) -> Array:
        x_TD, b_TD, gate, up, sigmoid = self.tape.pop()
        grad[layer + "mlp.down_proj.weight"] += dy_TD.T @ (gate * sigmoid * up)
        dm = dy_TD @ self.w[layer + "mlp.down_proj.weight"]
        dup = dm * gate * sigmoid
        dgate = dm * up * sigmoid * (1 + gate * (1 - sigmoid))  # silu' = s (1 + z (1 - s))
        grad[layer + "mlp.gate_proj.weight"] += dgate.T @ b_TD
        grad[layer + "mlp.up_proj.weight"] += dup.T @ b_TD
        db_TD = dgate @ self.w[layer + "mlp.gate_proj.weight"] + dup @ self.w[layer + "mlp.up_proj.weight"]
        return dy_TD + self._norm_back(db_TD, x_TD, layer + "post_attention_layernorm.weight", grad)
