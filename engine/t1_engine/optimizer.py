"""AdamW as the recipe sets it, and the one way a step is taken."""

import math

import torch
from torch import nn

from t1_engine.errors import NumericError

BETAS = (0.9, 0.95)
WEIGHT_DECAY = 0.1
CLIP = 1.0


def adamw(model: nn.Module, weight_decay: float = WEIGHT_DECAY) -> torch.optim.AdamW:
    """Decays matrices only; norms and biases are scales, not directions. The learning rate is set at each step."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=0.0, betas=BETAS, fused=True)


def take_step(model: nn.Module, optimizer: torch.optim.Optimizer, lr: float, loss: float, clip: float = CLIP) -> float:
    """Clips the gradient, steps, clears the gradient. Returns the norm before clipping.

    Raises NumericError, with parameters and optimizer untouched, when loss or gradient is not finite.
    """
    parameters = list(model.parameters())
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip))
    if not (math.isfinite(loss) and math.isfinite(norm)):
        optimizer.zero_grad(set_to_none=True)
        raise NumericError(f"loss {loss}, gradient norm {norm}: not finite; the step was not taken")
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm
