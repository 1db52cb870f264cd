"""Masters and what computes with them.

A state's policy and anchor are float32 always: one step's move is below bfloat16's resolution. With precision bfloat16
the passes go through a copy of the weights in bfloat16, made for the pass and thrown away. What a copy's backward pass
leaves is added to its master's gradient in float32 at once. Logits, log-probabilities and loss are float32
(logprob.py), and so are norms and rotations inside (functional.py), attention's scores, the optimizer and the anchor's
average.

A model that is sharded over processes needs none of this: FSDP gathers it in the wanted type (shard.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from t1_engine.model import Model
from t1_engine.resources import Resources
from t1_engine.shard import is_sharded


@contextmanager
def working(model: Model, resources: Resources, away: bool = False) -> Iterator[Model]:
    """The model that computes for `model`, whose parameters receive the gradients if they want any.

    away: `model` may lie on another device than the one that computes.
    """
    if is_sharded(model) or not (away or resources.dtype != torch.float32):
        yield model
        return
    with torch.device("meta"):
        copy = Model(model.config)
    device = resources.device
    made = {n: t.detach().to(device, resources.dtype, copy=True) for n, t in model.state_dict().items()}
    copy.load_state_dict(made, assign=True)
    for mine, master in zip(copy.parameters(), model.parameters(), strict=True):
        mine.requires_grad_(master.requires_grad)
        if master.requires_grad:
            mine.register_post_accumulate_grad_hook(hand_on(master))
    yield copy


def hand_on(master: nn.Parameter):
    """Adds a copy's gradient to its master's, as soon as there is one."""

    def hook(mine: torch.Tensor) -> None:
        if mine.grad is None:
            return
        if master.grad is None:
            master.grad = mine.grad.to(master.device, torch.float32)
        else:
            master.grad += mine.grad
        mine.grad = None

    return hook
