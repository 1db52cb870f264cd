"""The training state: what one log record leads from and to.

A state is its policy, anchor, optimizer moments and three small values, and nothing else:

- phase: "sft" until the first Update, then "rl". Entering a phase begins a fresh optimizer: moments zero.
- step: optimizer steps since the model a run began with, in both phases.
- age: optimizer steps since the phase began; AdamW's bias correction counts these. 0: there are no moments.

In phase sft there is no anchor. An Update whose anchor action is not "none" makes one, where there is none, as a
copy of the policy *before* its step; the action "none" drops it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor

from t1_engine import tokenizer
from t1_engine.crew import lead
from t1_engine.digest import DTYPES, digest, shared_digests
from t1_engine.language import Language
from t1_engine.model import Model, empty
from t1_engine.optimizer import MOMENTS, adamw
from t1_engine.resources import Resources
from t1_engine.shard import is_sharded, part, put, whole
from t1_engine.weights import Stored

Phase = Literal["sft", "rl"]


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
    resources: Resources = Resources()  # noqa: RUF009
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

    def handles(self) -> Mapping[str, tuple[Tensor, Tensor]]:
        """Every tensor by its name, policy.*, anchor.*, exp_avg.*, exp_avg_sq.*, with a parameter of its layout."""
        named: dict[str, tuple[Tensor, Tensor]] = {f"policy.{n}": (p, p) for n, p in self.policy.named_parameters()}
        if self.anchor is not None:
            named |= {f"anchor.{n}": (p, p) for n, p in self.anchor.named_parameters()}
        if self.age:
            for n, p in self.policy.named_parameters():
                named |= {f"{kind}.{n}": (self.optimizer.state[p][kind], p) for kind in MOMENTS}
        return named

    def handle(self, name: str) -> tuple[Tensor, Tensor]:
        """One of `handles`, found without the others."""
        kind, _, path = name.partition(".")
        model = self.anchor if kind == "anchor" else self.policy
        assert model is not None
        p = model.get_parameter(path)
        return (self.optimizer.state[p][kind] if kind in MOMENTS else p), p

    def gather(self, name: str) -> Tensor:
        """A whole tensor. Of several processes, all must ask."""
        return whole(*self.handle(name))

    def stored(self) -> dict[str, Stored]:
        """Every tensor, to be loaded one at a time; for rank 0, which takes the others along."""

        def load(name: str) -> Tensor:
            lead("gather", name.encode())
            return self.gather(name)

        handles = self.handles()
        return {n: Stored(DTYPES[t.dtype], tuple(p.shape), partial(load, n)) for n, (t, p) in handles.items()}

    def undivided(self) -> Model:
        """The policy itself, or a whole copy of one that is divided over processes: rank 0 samples alone.

        For the engine's own sampler and nothing else: that is for models that one device holds (vLLM is for the
        others). Sampled by one process, a block of prompts is one batch whatever the number of trainers, and its
        tokens are those of one trainer.
        """
        if not is_sharded(self.policy):
            return self.policy
        copy, stored = empty(self.policy.config, self.resources.device), self.stored()
        for name, p in copy.named_parameters():
            put(p, stored[f"policy.{name}"].load())
        return copy

    def identify(self, beat: Callable[[], None] = lambda: None) -> Identity:
        """Computes the digests; digest.py has the layout. They are of whole tensors, however divided. For rank 0, which
        takes the others along.

        beat: called after each tensor; a large state takes minutes.
        """
        lead("hash")
        each = self.hash(beat)
        named = {n: p for n, (_, p) in self.handles().items()}
        policy = {n.removeprefix("policy."): p for n, p in named.items() if n.startswith("policy.")}
        header = f"phase {self.phase}\nstep {self.step}\nage {self.age}\n"
        return Identity(
            state=digest(named, each, header),
            policy=digest(policy, {n: each[f"policy.{n}"] for n in policy}),
            tensors=each,
        )

    def hash(self, beat: Callable[[], None] = lambda: None) -> dict[str, str]:
        """Each tensor's digest. Of several processes, all must ask: they share the work."""
        handles = self.handles()
        return shared_digests({n: (p.numel(), partial(whole, t, p)) for n, (t, p) in handles.items()}, beat)

    def optimizer_for(self, phase: Phase) -> torch.optim.AdamW:
        """The optimizer a step of that phase takes: fresh when the phase is entered."""
        return self.optimizer if phase == self.phase else adamw(self.policy)

    def advance(self, phase: Phase, optimizer: torch.optim.AdamW, steps: int) -> None:
        """Takes note of optimizer steps that were done in place on the policy."""
        self.age = steps + (self.age if phase == self.phase else 0)
        self.phase, self.optimizer, self.step = phase, optimizer, self.step + steps

    def keep(self) -> dict[str, Tensor]:
        """Copies of this process's part of every tensor: what `revert` needs."""
        return {n: part(t).detach().to("cpu", copy=True) for n, (t, _) in self.handles().items()}

    def revert(self, kept: Mapping[str, Tensor]) -> None:
        """Puts back what was kept. Phase, step, age and the anchor's being there stand."""
        self._write(lambda name, target: part(target).copy_(kept[name]))

    def restore(self, named: Mapping[str, Stored]) -> None:
        """Takes every tensor from elsewhere, one at a time. Phase, step, age and the anchor's being there stand."""
        wanted = [f"policy.{n}" for n in self.policy.state_dict()]
        wanted += [f"anchor.{n}" for n in self.anchor.state_dict()] if self.anchor is not None else []
        wanted += [f"{kind}.{n}" for kind in MOMENTS for n, _ in self.policy.named_parameters()] if self.age else []
        if odd := sorted(named.keys() ^ set(wanted)):
            raise ValueError(f"missing, or not expected: {odd[:3]}")
        self._write(lambda name, target: put(target, named[name].load()))

    @torch.no_grad()
    def _write(self, write: Callable[[str, Tensor], object]) -> None:
        for prefix, model in (("policy", self.policy), ("anchor", self.anchor)):
            for n, p in model.named_parameters() if model is not None else ():
                write(f"{prefix}.{n}", p)
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()
        for n, p in self.policy.named_parameters() if self.age else ():
            self.optimizer.state[p] = {"step": torch.tensor(float(self.age), device=p.device)}
            for kind in MOMENTS:
                moment = torch.empty_like(p)
                write(f"{kind}.{n}", moment)
                self.optimizer.state[p][kind] = part(moment).to("cpu") if self.resources.offload else moment
