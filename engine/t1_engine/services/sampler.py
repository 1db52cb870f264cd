"""Sampler: responses from the policies held, the trainer's own among them."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc

from t1_engine import group, snapshot, tokenizer
from t1_engine.compute import Compute, Job
from t1_engine.language import Language, read_settings
from t1_engine.model import Model
from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc
from t1_engine.precision import working
from t1_engine.resources import Resources
from t1_engine.sample import Prompt, Response, Sampling, generate
from t1_engine.services.trainer import Trainer
from t1_engine.status import Code, Refused, invalid

HELD = 3  # policies kept besides the trainer's, the ones used last


@dataclass(frozen=True)
class Policy:
    model: Model
    language: Language

    @property
    def eos(self) -> list[int]:
        return snapshot.eos_ids(self.model.config)


class Sampler(rpc.SamplerServicer):
    def __init__(self, compute: Compute, trainer: Trainer) -> None:
        self._compute = compute
        self._trainer = trainer
        self._held: OrderedDict[str, Policy] = OrderedDict()  # by digest, the one used last at the end
        self._texts: OrderedDict[str, Language] = OrderedDict()  # of policies opened for that alone
        self.language: Language | None = None  # of the policy opened last

    def OpenPolicy(self, request: pb.OpenPolicyRequest, context: grpc.ServicerContext) -> pb.OpenPolicyReply:
        return self._compute.call(context, lambda job: self._open(request))

    def Generate(self, request: pb.GenerateRequest, context: grpc.ServicerContext) -> Iterator[pb.GenerateReply]:
        # The compute thread is ours until the last token: no update moves the weights meanwhile.
        return self._compute.stream(context, lambda job: self._generate(request, job))

    def language_of(self, policy: str) -> Language:
        """Of a policy that is held, or was opened for its text; NOT_FOUND of another. Called on any thread: it looks,
        and changes nothing."""
        if (opened := self._texts.get(policy)) is not None:
            return opened
        if (held := self._held.get(policy)) is not None:
            return held.language
        state, identity = self._trainer.held
        if state is not None and identity is not None and identity.policy == policy:
            return state.language
        raise not_held(policy)

    def _open_text(self, request: pb.OpenPolicyRequest) -> pb.OpenPolicyReply:
        language, config = snapshot.read_language(Path(request.directory))
        self._texts[request.policy] = self.language = language
        if len(self._texts) > HELD:
            self._texts.popitem(last=False)
        return pb.OpenPolicyReply(eos=snapshot.eos_ids(config)[0])

    def _open(self, request: pb.OpenPolicyRequest) -> pb.OpenPolicyReply:
        if request.text and request.directory:
            return self._open_text(request)
        policy = self._find(request.policy)
        if policy is None and request.directory:
            path = Path(request.directory)
            model = snapshot.read_policy(path, request.policy).to(group.device())
            language = Language(tokenizer.load(path), read_settings(path), model.config.vocab_size)
            policy = Policy(model, language)
            self._hold(request.policy, policy)
        if policy is None:
            raise not_held(request.policy)
        self.language = policy.language
        return pb.OpenPolicyReply(eos=policy.eos[0])

    def _find(self, digest: str) -> Policy | None:
        """The policy of that digest: the trainer's while it has it, else one held."""
        if digest in self._held:
            self._held.move_to_end(digest)
            return self._held[digest]
        state, identity = self._trainer.held
        if state is None or identity is None or identity.policy != digest:
            return None
        policy = Policy(state.undivided(), state.language)
        if policy.model is not state.policy:  # a copy, which need not be made again
            self._hold(digest, policy)
        return policy

    def _hold(self, digest: str, policy: Policy) -> None:
        self._held[digest] = policy
        if len(self._held) > HELD:
            self._held.popitem(last=False)

    def _generate(self, request: pb.GenerateRequest, job: Job) -> pb.GenerateReply:
        policy = self._find(request.policy)
        if policy is None:
            raise not_held(request.policy)
        config = policy.model.config
        prompts, sampling = read_prompts(request, config.vocab_size), read_sampling(request)
        check_room(prompts, sampling, config.max_position_embeddings)
        started = time.monotonic()
        total, done, tokens = sum(p.samples for p in prompts), 0, 0

        def finished(response: Response) -> None:
            nonlocal done, tokens
            done, tokens = done + 1, tokens + len(response.tokens)
            job.reply(pb.GenerateReply(response=to_proto(response, policy)))

        def cancelled() -> bool:  # asked before every token
            job.progress(lambda: pb.GenerateReply(progress=pb.Progress(done=done, total=total, tokens=tokens)))
            return job.cancelled()

        with working(policy.model, read_precision(request)) as computes:
            generate(computes, prompts, sampling, policy.eos, finished, cancelled)
        seconds = time.monotonic() - started
        return pb.GenerateReply(finished=pb.GenerateDone(seconds=seconds, tokens=tokens))


def read_prompts(request: pb.GenerateRequest, vocabulary: int) -> list[Prompt]:
    """The request's prompts, checked; INVALID_ARGUMENT."""
    if not request.prompts:
        raise invalid("prompts: none given; at least 1")
    for i, p in enumerate(request.prompts):
        if not p.tokens or not 0 <= min(p.tokens) <= max(p.tokens) < vocabulary:
            raise invalid(f"prompt {i}: needs at least one token, each from 0 to {vocabulary - 1}")
        if p.samples < 1:
            raise invalid(f"prompt {i}: samples {p.samples}; at least 1")
    return [Prompt(list(p.tokens), p.seed, p.samples) for p in request.prompts]


def read_sampling(request: pb.GenerateRequest) -> Sampling:
    checks: list[tuple[str, float, Callable[[float], bool], str]] = [
        ("temperature", request.temperature, lambda x: 0 <= x < float("inf"), "0 or more"),
        ("top_p", request.top_p, lambda x: 0 < x <= 1, "above 0, at most 1"),
        ("max_tokens", request.max_tokens, lambda x: x >= 1, "at least 1"),
    ]
    for name, given, good, allowed in checks:
        if not good(given):
            raise invalid(f"{name}: {given}; {allowed}")
    return Sampling(request.temperature, request.top_p, request.max_tokens)


def read_precision(request: pb.GenerateRequest) -> Resources:
    """What a pass computes with; the trainer's own resources have no part in it."""
    try:
        return Resources(precision=request.precision or "float32")
    except ValueError as error:
        raise invalid(str(error)) from error


def check_room(prompts: list[Prompt], sampling: Sampling, room: int) -> None:
    longest = max(len(p.tokens) for p in prompts)
    if longest + sampling.max_tokens > room:
        raise invalid(f"max_tokens: {sampling.max_tokens}; at most {room - longest} after a prompt of {longest} tokens")


def to_proto(response: Response, policy: Policy) -> pb.Response:
    text = response.tokens[:-1] if response.finish == "stop" else response.tokens
    return pb.Response(
        prompt=response.prompt,
        sample=response.sample,
        tokens=response.tokens,
        logprobs=response.logprobs,
        finish=response.finish,
        text=policy.language.decode([text])[0],
    )


def not_held(digest: str) -> Refused:
    return Refused(Code.NOT_FOUND, f"policy {digest[:12] or '(empty)'}: not held; open it from a directory")
