"""What the trainer does to a state: build it, fine-tune it, update it."""

import hashlib
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from t1_engine import model, pretrained, snapshot, tokenizer
from t1_engine.anchor import AnchorRule, move, new_anchor
from t1_engine.compute import Job
from t1_engine.config import Config
from t1_engine.finetune import batch_order, cosine_lr, sft_step
from t1_engine.pb import engine_pb2 as pb
from t1_engine.resources import Resources
from t1_engine.rollout import Rollouts, Traces, read_traces
from t1_engine.shard import shard
from t1_engine.state import Identity, State
from t1_engine.status import invalid
from t1_engine.table import File, Stream
from t1_engine.tally import UpdateResult
from t1_engine.update import Hyper, policy_update

CONTEXT = 32768  # tokens a scratch model's config.json admits; rotary positions have no table, so it costs nothing
RULES = {"ema": "ema", "reset": "reset", "keep": "fixed", "none": "none"}  # anchor action to anchor.py's rule
METRICS = {  # of an update: the contract's name to update.py's
    "loss": "loss", "pg_loss": "pg_loss", "entropy": "entropy", "kl": "kl", "kl_token": "kl_per_token",
    "grad_norm": "grad_norm", "clip_fraction": "clip_fraction", "logprob_gap_mean": "sampler_gap_mean",
    "logprob_gap_max": "sampler_gap_max", "logprob_gap_share": "sampler_gap_share",
    "tokens": "tokens", "padding": "padding",
}  # fmt: skip


@dataclass(frozen=True)
class Files:
    """The Parquet files a request names, known by content."""

    traces: File | None = None
    rollouts: tuple[Stream, ...] = ()
    scores: File | None = None

    @classmethod
    def read(cls, request: Any) -> "Files":
        if isinstance(request, pb.FineTuneRequest):
            return cls(traces=File.read(request.traces))
        return cls(rollouts=tuple(map(Stream.open, request.rollouts)), scores=File.read(request.scores))

    def digest(self, request: Any) -> str:
        """A request's identity: its fields, with the files' contents in place of their paths."""
        named = type(request)()
        named.CopyFrom(request)
        if self.traces:
            named.traces = self.traces.sha256
        if self.scores:
            named.scores = self.scores.sha256
            named.rollouts[:] = [file.sha256 for file in self.rollouts]
        return hashlib.sha256(named.SerializeToString(deterministic=True)).hexdigest()


class TraceCache:
    """The traces read last: every call of a fine-tuning names the same file."""

    def __init__(self) -> None:
        self._last: Traces | None = None

    def __call__(self, file: File | None, state: State) -> Traces:
        assert file is not None
        if self._last is None or self._last.sha256 != file.sha256:
            self._last = read_traces(file, state.policy.config.vocab_size)
        return self._last


@dataclass(frozen=True)
class Result:
    """What a step made, before the new state's digests are known."""

    started: float  # monotonic seconds
    metrics: dict[str, float]
    rollouts: UpdateResult | None = None

    def to_proto(self, identity: Identity) -> pb.StepResult:
        rows: list[pb.RolloutStep] = []
        if (r := self.rollouts) is not None:
            for d, advantage, mean_logprob in zip(r.divergence, r.advantage, r.mean_logprob, strict=True):
                rows.append(pb.RolloutStep(d=d, advantage=advantage, mean_logprob=mean_logprob))
        return pb.StepResult(
            digest=identity.state,
            policy=identity.policy,
            metrics=self.metrics,
            tokens=int(self.metrics["tokens"]),
            seconds=time.monotonic() - self.started,
            rollouts=rows,
            tensors=identity.tensors,
        )


def source(request: pb.OpenRequest, resources: Resources) -> State:
    """The state a request opens, not yet held to a digest."""
    which = request.WhichOneof("source")
    if which == "snapshot":
        return snapshot.read(Path(request.snapshot), resources)
    if which == "scratch":
        return scratch(request.scratch, resources)
    if which == "model":
        return pretrained.read(Path(request.model)).state(resources)
    raise invalid("source: none given; a snapshot, a model directory or a scratch configuration")


def scratch(request: pb.Scratch, resources: Resources) -> State:
    """A state with random weights; the same request gives the same bits. INVALID_ARGUMENT names a bad field."""
    for name in ("hidden_size", "intermediate_size", "layers", "heads", "kv_heads", "rope_theta"):
        if not getattr(request, name) > 0:
            raise invalid(f"{name}: {getattr(request, name)}; above 0")
    if request.hidden_size % (2 * request.heads):
        raise invalid(f"hidden_size: {request.hidden_size}; a multiple of 2 x heads, {2 * request.heads}")
    words = tokenizer.word_level(request.vocabulary)
    try:
        config = Config(
            vocab_size=words.get_vocab_size(),
            hidden_size=request.hidden_size,
            intermediate_size=request.intermediate_size,
            num_hidden_layers=request.layers,
            num_attention_heads=request.heads,
            num_key_value_heads=request.kv_heads,
            rope_theta=request.rope_theta,
            tie_word_embeddings=request.tie_embeddings,
            max_position_embeddings=CONTEXT,
            # 0.02, the field's habit, suits widths near 1,024; a narrow model learns much faster with its own share.
            initializer_range=0.02 * math.sqrt(1024 / request.hidden_size),
            eos_token_id=tokenizer.EOS,
            pad_token_id=tokenizer.PAD,
        )
        policy = shard(model.build(config, request.seed).to(resources.device), resources)
        return State(policy, words, resources=resources)
    except ValueError as error:
        raise invalid(str(error)) from error


def fine_tune(state: State, request: pb.FineTuneRequest, traces: Traces, job: Job) -> Result:
    """Supervised steps [from, to), in place. An error, or the caller giving up, puts everything back."""
    started = time.monotonic()
    first, last = getattr(request, "from"), request.to
    check_fine_tune(request, first)
    optimizer = state.optimizer_for("sft")
    set_hyper(optimizer, request.optimizer)
    before = state.keep()
    clip = request.optimizer.gradient_clip or math.inf
    tokens, losses = 0, []
    try:
        for step in range(first, last):
            job.check()
            rate = cosine_lr(step, request.total, request.optimizer.learning_rate, request.optimizer.warmup)
            batch = [traces[row] for row in batch_rows(request, step, len(traces))]
            result = sft_step(state.policy, optimizer, batch, rate, clip, state.resources)
            losses.append(result.loss)
            tokens += result.tokens
            now = pb.Progress(done=step + 1 - first, total=last - first, tokens=tokens)
            job.progress(lambda now=now: pb.FineTuneReply(progress=now))
    except BaseException:
        state.revert(before)
        raise
    state.anchor = None
    state.advance("sft", optimizer, last - first)
    return Result(
        started,
        {
            "loss": math.fsum(losses) / len(losses),  # nats a response token, mean over these steps
            "last_loss": losses[-1],
            "grad_norm": result.grad_norm,  # of the last step, before clipping
            "learning_rate": rate,  # of the last step
            "tokens": float(tokens),  # response tokens
        },
    )


def batch_rows(request: pb.FineTuneRequest, step: int, count: int) -> list[int]:
    """The traces of a step: a function of (seed, step) alone."""
    epoch, place = divmod(step, math.ceil(count / request.batch_size))
    return batch_order(request.seed, epoch, count, request.batch_size)[place]


def check_fine_tune(request: pb.FineTuneRequest, first: int) -> None:
    if not 0 <= first < request.to <= request.total:
        raise invalid(f"from {first}, to {request.to}, total {request.total}; 0 <= from < to <= total")
    if request.batch_size < 1:
        raise invalid(f"batch_size: {request.batch_size}; at least 1")
    check_adamw(request.optimizer)


def update(state: State, request: pb.UpdateRequest, files: Files, job: Job) -> Result:
    """One reinforcement-learning step, in place. Until the optimizer steps, nothing is changed."""
    started = time.monotonic()
    rule = check_update(request)
    assert files.scores is not None
    groups = Rollouts(files.rollouts, files.scores, state.policy.config.vocab_size)
    optimizer = state.optimizer_for("rl")
    set_hyper(optimizer, request.optimizer)
    anchor = None if rule.kind == "none" else state.anchor or new_anchor(state.policy, rule, state.resources)
    hyper = Hyper(
        lr=request.learning_rate,
        alpha=request.alpha,
        beta=request.beta,
        plain_kl=request.plain_kl,
        clip=request.clip_ratio,
        grad_clip=request.optimizer.gradient_clip or math.inf,
        aggregation=request.aggregation,  # pyright: ignore[reportArgumentType]
        gap_limit=request.gap_limit,
    )

    def progress(done: int, total: int, tokens: int) -> None:
        job.progress(lambda: pb.UpdateReply(progress=pb.Progress(done=done, total=total, tokens=tokens)))

    result = policy_update(state.policy, anchor, optimizer, groups, hyper, progress, job.cancelled, state.resources)
    move(anchor, state.policy, rule, 1)
    state.anchor = anchor
    state.advance("rl", optimizer, 1)
    metrics = {name: result.metrics[key] for name, key in METRICS.items()}
    return Result(started, metrics | {"learning_rate": request.learning_rate}, result)


def check_update(request: pb.UpdateRequest) -> AnchorRule:
    """The anchor rule the request asks for; INVALID_ARGUMENT names a bad field."""
    for name in ("learning_rate", "beta", "alpha", "clip_ratio", "gap_limit"):
        if not 0 <= getattr(request, name) < math.inf:
            raise invalid(f"{name}: {getattr(request, name)}; 0 or more")
    if request.aggregation not in ("response", "token"):
        raise invalid(f"aggregation: {request.aggregation!r}; response or token")
    if request.anchor_action not in RULES:
        raise invalid(f"anchor_action: {request.anchor_action!r}; {', '.join(RULES)}")
    check_adamw(request.optimizer)
    try:
        kind: Any = RULES[request.anchor_action]
        return AnchorRule(kind, request.anchor_coefficient, every=1)
    except ValueError as error:
        raise invalid(str(error)) from error


def check_adamw(request: pb.AdamW) -> None:
    for name, top in (("beta1", 1.0), ("beta2", 1.0), ("weight_decay", math.inf), ("gradient_clip", math.inf)):
        if not 0 <= getattr(request, name) < top:
            raise invalid(f"optimizer.{name}: {getattr(request, name)}; at least 0, below {top}")
    if not 0 <= request.warmup <= 1:
        raise invalid(f"optimizer.warmup: {request.warmup}; 0 to 1")


def set_hyper(optimizer: torch.optim.Optimizer, request: pb.AdamW) -> None:
    """Sets betas and decay for the step to come; vectors are never decayed."""
    for group in optimizer.param_groups:
        group["betas"] = (request.beta1, request.beta2)
        group["weight_decay"] = request.weight_decay if group["params"][0].dim() >= 2 else 0.0
