"""AdamW as the recipe sets it, and the one way a step is taken."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from t1_engine.errors import NumericError
from t1_engine.shard import like, part

BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.1
CLIP = 1.0
MOMENTS = ("exp_avg", "exp_avg_sq")


def adamw(model: nn.Module, weight_decay: float = WEIGHT_DECAY) -> torch.optim.AdamW:
    """Decays matrices only; norms and biases are scales, not directions. The learning rate is set at each step."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=0.0, betas=BETAS, fused=True)


def take_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    lr: float,
    loss: float,
    clip: float = CLIP,
    offload: bool = False,
) -> float:
    """Clips the gradient, steps, clears the gradient. Returns the norm before clipping.

    offload: the moments are in the machine's memory, and return there.

    Raises NumericError, with parameters and optimizer untouched, when loss or gradient is not finite.
    """
    parameters = list(model.parameters())
    total: Any = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if hasattr(total, "full_tensor"):
        total = total.full_tensor()  # over all processes
    torch.nn.utils.clip_grads_with_norm_(parameters, clip, total)
    norm = float(total)
    if not (math.isfinite(loss) and math.isfinite(norm)):
        optimizer.zero_grad(set_to_none=True)
        raise NumericError(f"loss {loss}, gradient norm {norm}: not finite; the step was not taken")
    for group in optimizer.param_groups:
        group["lr"] = lr
    with at_hand(optimizer, offload):
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


@contextmanager
def at_hand(optimizer: torch.optim.Optimizer, offload: bool) -> Iterator[None]:
    """Moments on their parameters' device for a while. In between, offloaded ones are on the CPU."""
    if offload:
        for p, held in optimizer.state.items():
            near = part(p).device
            held.update({kind: like(part(held[kind]).to(near, copy=True), p) for kind in MOMENTS})
    yield
    if offload:
        for held in optimizer.state.values():
            held.update({kind: part(held[kind]).to("cpu", copy=True) for kind in MOMENTS})
