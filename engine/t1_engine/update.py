"""One reinforcement-learning step: log-probabilities, advantages, loss, one AdamW step.

Legend: P prompts, K responses of a prompt, B responses of a micro-batch, R response tokens.

Several processes share a window's micro-batches. Weights divide by the whole step's responses and tokens, gradients and
figures are summed over the processes: what comes out does not depend on their number, but for rounding.

Prompts are taken a window at a time (plan.py), and a window in at most three passes over its micro-batches:

1. reference: the anchor's log-probabilities, without gradient;
2. score: the policy's, without gradient, for prompts that are cut over several micro-batches: the advantage needs the d
   of all K, and a gradient cannot wait for it. A prompt that fits one micro-batch needs no such pass;
3. train: the policy's with gradient, the advantages, the loss, the backward pass.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from t1_engine import group
from t1_engine.advantage import advantage
from t1_engine.batch import Packed, Tokens, pack
from t1_engine.errors import Cancelled, SamplerGap
from t1_engine.idle import idle
from t1_engine.loss import Aggregation, entropy_bonus, policy_gradient, token_weights
from t1_engine.model import Model
from t1_engine.optimizer import CLIP, take_step
from t1_engine.plan import Part, deal, parts, windows
from t1_engine.precision import working
from t1_engine.resources import Resources
from t1_engine.rollout import Group, Groups, Held
from t1_engine.tally import WIDE_GAP, Tally, UpdateResult

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Hyper:
    lr: float
    alpha: float = 1e-3  # entropy bonus
    beta: float = 2e-4  # KL in the reward
    plain_kl: bool = False  # d as it is, not less the mean of the others'
    clip: float = 0.2  # of the ratio
    grad_clip: float = CLIP
    aggregation: Aggregation = "response"
    ratio: Literal["policy", "sampler"] = "policy"  # rho against the policy itself (1), or the sampler's numbers
    gap_limit: float = 0.0  # mean |trainer's - sampler's log-probability| above which there is no step; 0: any


def policy_update(
    policy: Model,
    anchor: Model | None,
    optimizer: torch.optim.Optimizer,
    groups: Groups | Sequence[Group],
    hyper: Hyper,
    progress: Progress = lambda done, total, tokens: None,
    cancelled: Callable[[], bool] = lambda: False,
    resources: Resources = Resources(),  # noqa: B008
) -> UpdateResult:
    """One optimizer step on all groups. anchor None: d = 0. The anchor itself is moved by the caller.

    progress: told how many micro-batches of all passes are done, of how many, and response tokens trained on.

    Raises Cancelled between micro-batches, SamplerGap when the gap to the sampler is above its limit, and NumericError
    when loss or gradient is not finite; all leave parameters and optimizer as they were.
    """
    groups = Held(groups) if isinstance(groups, Sequence) else groups
    step = _Step(policy, anchor, groups, hyper, resources, progress, cancelled)
    optimizer.zero_grad(set_to_none=True)
    try:
        step.run()
    except BaseException:
        optimizer.zero_grad(set_to_none=True)
        raise
    tally = step.tally.merged()
    if hyper.gap_limit and not tally.gap <= hyper.gap_limit:  # NaN is above
        optimizer.zero_grad(set_to_none=True)
        raise SamplerGap(
            f"the sampler's log-probabilities are {tally.gap:.3g} nats a token from the trainer's in the mean, "
            f"at most {tally.gap_max:.3g}; allowed are {hyper.gap_limit:g} in the mean"
        )
    loss = tally.pg_loss - hyper.alpha * tally.entropy
    norm = take_step(policy, optimizer, hyper.lr, loss, hyper.grad_clip, resources.offload)
    return tally.result(hyper.alpha, norm)


@dataclass
class _Micro:
    """A micro-batch as tensors, and what the passes learn of it. Its responses keep the order of the part's rows."""

    part: Part
    packed: Packed
    row_B: Tensor  # [B] number of each response within the window
    length_B: Tensor  # [B]
    sampler_R: Tensor  # [R] the sampler's log-probabilities
    reference_R: Tensor | None = None  # [R] the anchor's

    def sums(self, x_R: Tensor) -> Tensor:
        """[B] float64 sums of each response's tokens."""
        zero_B = torch.zeros(len(self.length_B), dtype=torch.float64)
        return zero_B.index_add_(0, self.packed.sequence_R, x_R.double())

    def divergence(self, current_R: Tensor) -> Tensor:
        """[B] float64 d."""
        return self.sums(torch.zeros_like(current_R) if self.reference_R is None else current_R - self.reference_R)


class _Window:
    """Prompts that are in memory together, and their micro-batches."""

    def __init__(self, groups: list[Group], plan: list[Part], first_response: int) -> None:
        self.groups, self.plan = groups, plan
        self.offset = first_response  # number of its first response within the step
        self.starts = [0, *itertools.accumulate(len(g.responses) for g in groups)]
        self.shares = shares(plan)
        self.micros = {n: self._micro(plan[n]) for n in self.shares[group.rank()]}
        self.advantage, self.divergence = torch.zeros(2, self.starts[-1], dtype=torch.float64).unbind()

    def _micro(self, part: Part) -> _Micro:
        responses = [self.groups[g].responses[k] for g, k in part.rows]
        packed = pack([Tokens(self.groups[g].prompt, y) for (g, _), y in zip(part.rows, responses, strict=True)])
        logprobs = [self.groups[g].sampler_logprobs[k] for g, k in part.rows]
        return _Micro(
            part,
            packed,
            torch.tensor([self.starts[g] + k for g, k in part.rows]),
            torch.tensor([len(y) for y in responses]),
            torch.tensor([x for i in packed.order for x in logprobs[i]]),
        )

    def appraise(self, prompts: Iterable[int], hyper: Hyper) -> None:
        """Makes the advantages of these prompts from their d's."""
        for g in prompts:
            rows = slice(self.starts[g], self.starts[g + 1])
            reward_K = torch.tensor(self.groups[g].rewards, dtype=torch.float64)
            self.advantage[rows] = advantage(reward_K, self.divergence[rows], hyper.beta, hyper.plain_kl)


_Work = Callable[[_Window, _Micro, Model], None]
_Pass = tuple[set[int], _Work, Model]


class _Step:
    def __init__(
        self,
        policy: Model,
        anchor: Model | None,
        groups: Groups,
        hyper: Hyper,
        resources: Resources,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self.policy, self.anchor, self.groups, self.hyper = policy, anchor, groups, hyper
        self.progress, self.cancelled = progress, cancelled
        sizes = list(groups.sizes)
        _check_sizes(sizes)
        lengths = [n for size in sizes for n in size.responses]
        self.tally = Tally(len(lengths), sum(lengths))
        self.plan = [(high - low, parts(sizes[low:high], resources.micro_tokens)) for low, high in windows(sizes)]
        self.resources = resources
        self.done = self.trained = 0
        self.total = sum(rounds(shares(plan), over) for _, plan in self.plan for over, *_ in self._passes(plan))

    def _passes(self, plan: list[Part]) -> list[_Pass]:
        """Which micro-batches of a window each pass takes, by number, what it does, and whose weights compute."""
        every = set(range(len(plan)))
        passes: list[_Pass] = [(every, self._train, self.policy)]
        if self.anchor is not None:
            cut = {n for n in every if not plan[n].whole}
            if self.hyper.beta and cut:
                passes.insert(0, (cut, self._score, self.policy))
            passes.insert(0, (every, self._reference, self.anchor))
        return passes

    def run(self) -> None:
        read, number, response = iter(self.groups), 0, 0
        for count, plan in self.plan:
            groups = list(itertools.islice(read, count))
            for n, g in enumerate(groups, number):
                _check(n, g)
            window = _Window(groups, plan, response)
            for over, work, model in self._passes(plan):
                if work == self._train:  # every d of a prompt that is cut is known, to whoever computed it
                    window.divergence = group.total(window.divergence).to(window.divergence)
                    window.appraise({g for part in plan if not part.whole for g, _ in part.rows}, self.hyper)
                with working(model, self.resources, away=model is self.anchor and self.resources.offload) as computes:
                    self._pass(window, over, work, computes)
            number, response = number + count, response + window.starts[-1]

    def _pass(self, window: _Window, over: set[int], work: _Work, model: Model) -> None:
        mine = [n for n in window.shares[group.rank()] if n in over]
        for turn in range(rounds(window.shares, over)):
            if self.cancelled():
                raise Cancelled
            if turn < len(mine):
                work(window, window.micros[mine[turn]], model)
            else:
                idle(model, work == self._train, self.resources)
            self.done += 1
            self.progress(self.done, self.total, self.trained)

    @torch.no_grad()
    def _reference(self, window: _Window, micro: _Micro, model: Model) -> None:
        micro.reference_R = model(micro.packed, score=True)[0]

    @torch.no_grad()
    def _score(self, window: _Window, micro: _Micro, model: Model) -> None:
        window.divergence[micro.row_B] = micro.divergence(model(micro.packed, score=True)[0])

    def _train(self, window: _Window, micro: _Micro, model: Model) -> None:
        """Forward and backward of one micro-batch: adds to the gradients and to the tally."""
        hyper, tally, sequence_R = self.hyper, self.tally, micro.packed.sequence_R
        logprob_R, entropy_R = model(micro.packed, recompute=self.resources.recompute, score=True)
        current_R = logprob_R.detach()
        divergence_B = micro.divergence(current_R)
        if micro.part.whole:
            window.divergence[micro.row_B] = divergence_B
            window.appraise({g for g, _ in micro.part.rows}, hyper)
        advantage_B = window.advantage[micro.row_B]
        weight_R = token_weights(sequence_R, micro.length_B, hyper.aggregation, tally.responses, tally.tokens)
        old_R = current_R if hyper.ratio == "policy" else micro.sampler_R
        pg_loss, bound = policy_gradient(logprob_R, old_R, advantage_B[sequence_R].float(), weight_R, hyper.clip)
        entropy = entropy_bonus(entropy_R, tally.tokens)
        (pg_loss - hyper.alpha * entropy).backward()

        tally.pg_loss += float(pg_loss.detach())
        tally.entropy += float(entropy.detach())
        tally.clipped += int(bound)
        gap_R = (current_R - micro.sampler_R).abs()
        tally.gap_sum += float(gap_R.sum(dtype=torch.float64))
        tally.gap_wide += int((gap_R > WIDE_GAP).sum())
        tally.gap_max = max(tally.gap_max, float(gap_R.max()))
        tally.padding += micro.packed.padding
        tally.packed += len(micro.packed.token_T)
        tally.parts += 1
        self.trained += len(current_R)
        tally.note(window.offset + micro.row_B, divergence_B, advantage_B, micro.sums(current_R) / micro.length_B)


def shares(plan: list[Part]) -> list[list[int]]:
    """The micro-batches of each process, by number, in its order."""
    dealt = deal(list(range(len(plan))), [part.tokens for part in plan], group.size())
    return [[n for r in dealt if (n := r[rank]) is not None] for rank in range(group.size())]


def rounds(shares: list[list[int]], over: set[int]) -> int:
    """How often every process must take part for those to be done."""
    return max(sum(n in over for n in share) for share in shares)


def _check_sizes(sizes: Sequence) -> None:
    if not sizes:
        raise ValueError("no groups to update on")
    for n, size in enumerate(sizes):
        if len(size.responses) < 2:
            raise ValueError(f"group {n}: {len(size.responses)} responses; leave-one-out needs at least 2")


def _check(n: int, g: Group) -> None:
    k = len(g.responses)
    if len(g.rewards) != k or len(g.sampler_logprobs) != k:
        raise ValueError(
            f"group {n}: {k} responses, {len(g.rewards)} rewards, {len(g.sampler_logprobs)} log-probability rows"
        )
    for i, (y, logprobs) in enumerate(zip(g.responses, g.sampler_logprobs, strict=True)):
        if not y or len(y) != len(logprobs):
            raise ValueError(
                f"group {n}, response {i}: {len(y)} tokens, {len(logprobs)} log-probabilities; the same, at least 1"
            )
