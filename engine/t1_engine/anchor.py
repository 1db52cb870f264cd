"""The anchor: the reference policy that the KL term measures from, and how it follows the policy.

Held and averaged in float32: one step's move is below bfloat16's resolution.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from t1_engine import group
from t1_engine.config import Config
from t1_engine.model import Model, empty
from t1_engine.resources import Resources
from t1_engine.shard import part, shard


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


def new_anchor(policy: Model, rule: AnchorRule, resources: Resources = Resources()) -> Model | None:  # noqa: B008
    """A float32 copy of the policy that takes no gradient; None for `none`. Offloaded, it lies on the CPU."""
    if rule.kind == "none":
        return None
    anchor = blank(policy.config, resources, anchor=True)
    with torch.no_grad():
        for reference, p in zip(anchor.parameters(), policy.parameters(), strict=True):
            part(reference).copy_(part(p))
    return anchor


def blank(config: Config, resources: Resources, anchor: bool = False) -> Model:
    """A float32 policy or anchor whose weights are about to be written; divided, where several processes train."""
    away = anchor and resources.offload
    if group.size() > 1:
        with torch.device("meta"):
            model = Model(config)
        model.requires_grad_(not anchor)
        return shard(model, resources, away).to_empty(device="cpu" if away else resources.device)
    return empty(config, torch.device("cpu") if away else resources.device).requires_grad_(not anchor)


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
        held, now = part(reference), part(p).float()
        if share == 1.0:
            held.copy_(now)
        else:  # on the policy's device, whichever it is
            held.copy_(held.to(now.device).lerp_(now, share))
