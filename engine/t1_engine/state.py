"""The training state: what one log record leads from and to.

A state is its policy, anchor, optimizer moments and three small values, and nothing else:

- phase: "sft" until the first Update, then "rl". Entering a phase begins a fresh optimizer: moments zero.
- step: optimizer steps since the model a run began with, in both phases.
- age: optimizer steps since the phase began; AdamW's bias correction counts these. 0: there are no moments.

In phase sft there is no anchor. An Update whose anchor action is not "none" makes one, where there is none, as a
copy of the policy *before* its step; the action "none" drops it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor

from t1_engine import tokenizer
from t1_engine.digest import digest, tensor_digests
from t1_engine.language import Language
from t1_engine.model import Model
from t1_engine.optimizer import adamw

Phase = Literal["sft", "rl"]
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Identity:
    """A state's digests."""

    state: str
    policy: str
    tensors: dict[str, str]  # of each tensor, by name: what to compare when two states differ


@dataclass
class State:
    policy: Model
    tokenizer: Tokenizer
    phase: Phase = "sft"
    step: int = 0
    age: int = 0
    anchor: Model | None = None
    settings: dict[str, Any] | None = None  # of tokenizer_config.json; None: a scratch model's
    optimizer: torch.optim.AdamW = field(default=None)  # pyright: ignore[reportAssignmentType]

    def __post_init__(self) -> None:
        if self.optimizer is None:
            self.optimizer = adamw(self.policy)

    @cached_property
    def language(self) -> Language:
        settings = self.settings
        if settings is None:
            settings = tokenizer.settings(self.tokenizer, next(iter(self.policy.config.eos_ids), None))
        return Language(self.tokenizer, settings, self.policy.config.vocab_size)

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by its name: policy.*, anchor.*, exp_avg.*, exp_avg_sq.*; not copies."""
        named = {f"policy.{n}": t for n, t in self.policy.state_dict().items()}
        if self.anchor is not None:
            named |= {f"anchor.{n}": t for n, t in self.anchor.state_dict().items()}
        if self.age:
            for n, p in self.policy.named_parameters():
                named |= {f"{kind}.{n}": self.optimizer.state[p][kind] for kind in MOMENTS}
        return named

    def identify(self) -> Identity:
        """Computes the digests; digest.py has the layout."""
        named = self.tensors()
        each = tensor_digests(named)
        policy = {n.removeprefix("policy."): t for n, t in named.items() if n.startswith("policy.")}
        header = f"phase {self.phase}\nstep {self.step}\nage {self.age}\n"
        return Identity(
            state=digest(named, each, header),
            policy=digest(policy, {n: each[f"policy.{n}"] for n in policy}),
            tensors=each,
        )

    def optimizer_for(self, phase: Phase) -> torch.optim.AdamW:
        """The optimizer a step of that phase takes: fresh when the phase is entered."""
        return self.optimizer if phase == self.phase else adamw(self.policy)

    def advance(self, phase: Phase, optimizer: torch.optim.AdamW, steps: int) -> None:
        """Takes note of optimizer steps that were done in place on the policy."""
        self.age = steps + (self.age if phase == self.phase else 0)
        self.phase, self.optimizer, self.step = phase, optimizer, self.step + steps

    def clone(self) -> dict[str, Tensor]:
        """Copies of every tensor: what `restore` needs."""
        return {n: t.detach().clone() for n, t in self.tensors().items()}

    @torch.no_grad()
    def restore(self, named: Mapping[str, Tensor]) -> None:
        """Puts tensors back into policy, anchor and optimizer. Phase, step, age and the anchor's being there stand."""
        for prefix, model in (("policy", self.policy), ("anchor", self.anchor)):
            if model is not None:
                model.load_state_dict(below(prefix, named))
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()
        if self.age:
            for n, p in self.policy.named_parameters():
                moments = {kind: named[f"{kind}.{n}"].clone() for kind in MOMENTS}
                self.optimizer.state[p] = {"step": torch.tensor(float(self.age)), **moments}


def below(prefix: str, named: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix.`, without it."""
    return {n[len(prefix) + 1 :]: t for n, t in named.items() if n.startswith(f"{prefix}.")}
