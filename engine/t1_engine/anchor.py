"""The anchor: the reference policy that the KL term measures from, and how it follows the policy.

Held and averaged in float32: one step's move is below bfloat16's resolution.
"""

import copy
from dataclasses import dataclass
from typing import Literal

import torch

from t1_engine.model import Model


@dataclass(frozen=True)
class AnchorRule:
    """What happens to the anchor after each optimizer step.

    ema:   ref <- coefficient * ref + (1 - coefficient) * policy. The coefficient weights the *anchor*
           (TRL's weights the policy). A run of N steps takes 1 - 3/N.
    fixed: never moves.
    reset: becomes the policy after every `every` steps.
    none:  there is no anchor; d = 0.
    """

    kind: Literal["ema", "fixed", "reset", "none"] = "ema"
    coefficient: float = 0.992  # ema only, in [0, 1]
    every: int = 0  # reset only, at least 1

    def __post_init__(self) -> None:
        if self.kind not in ("ema", "fixed", "reset", "none"):
            raise ValueError(f"anchor: {self.kind!r}; allowed: ema, fixed, reset, none")
        if self.kind == "ema" and not 0 <= self.coefficient <= 1:
            raise ValueError(f"anchor coefficient: {self.coefficient}; allowed: 0 to 1")
        if self.kind == "reset" and self.every < 1:
            raise ValueError(f"anchor reset every: {self.every}; allowed: 1 or more steps")


def new_anchor(policy: Model, rule: AnchorRule) -> Model | None:
    """A float32 copy of the policy that takes no gradient; None for `none`."""
    if rule.kind == "none":
        return None
    return copy.deepcopy(policy).float().requires_grad_(False)


@torch.no_grad()
def move(anchor: Model | None, policy: Model, rule: AnchorRule, steps_done: int) -> None:
    """Applies the rule once, in place, after the step that made the count `steps_done` (1 after the first)."""
    if rule.kind in ("none", "fixed"):
        return
    if anchor is None:
        raise ValueError(f"anchor: the rule {rule.kind!r} needs an anchor and there is none")
    if rule.kind == "reset" and steps_done % rule.every:
        return
    share = 1.0 if rule.kind == "reset" else 1.0 - rule.coefficient
    for reference, p in zip(anchor.parameters(), policy.parameters(), strict=True):
        if share == 1.0:
            reference.copy_(p)
        else:
            reference.lerp_(p.float(), share)
