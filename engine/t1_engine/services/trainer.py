"""Trainer: one state, and the calls that open it, move it on and write it down."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from t1_engine import group, probe, snapshot, steps
from t1_engine.compute import Compute, Job
from t1_engine.config import Config
from t1_engine.crew import lead, part_on
from t1_engine.language import Language
from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc
from t1_engine.resources import Resources
from t1_engine.state import Identity
from t1_engine.state import State as Training
from t1_engine.status import Code, Refused, invalid

log = logging.getLogger("t1_engine")


class Trainer(rpc.TrainerServicer):
    """Fields change on the compute thread only; others read `held` and `language`, each replaced as a whole."""

    def __init__(self, compute: Compute, resources: Resources) -> None:
        self._compute = compute
        self._resources = resources
        self.held: tuple[Training | None, Identity | None] = (None, None)
        self._last: tuple[str, str, pb.StepResult] | None = None  # parent, request, result
        self._traces = steps.TraceCache()
        self._probe = probe.Prober()

    @property
    def language(self) -> Language | None:
        state, _ = self.held
        return state.language if state is not None else None

    def State(self, request: pb.StateRequest, context: grpc.ServicerContext) -> pb.StateReply:
        return describe(*self.held)  # waits for nothing

    def Open(self, request: pb.OpenRequest, context: grpc.ServicerContext) -> pb.StateReply:
        return self._compute.call(context, lambda job: self._open(request))

    def FineTune(self, request: pb.FineTuneRequest, context: grpc.ServicerContext) -> Iterator[pb.FineTuneReply]:
        def step(state: Training, files: steps.Files, job: Job) -> steps.Result:
            return steps.fine_tune(state, request, self._traces(files.traces, state), job)

        return self._compute.stream(context, lambda job: self._move("fine_tune", request, step, pb.FineTuneReply, job))

    def Update(self, request: pb.UpdateRequest, context: grpc.ServicerContext) -> Iterator[pb.UpdateReply]:
        def step(state: Training, files: steps.Files, job: Job) -> steps.Result:
            return steps.update(state, request, files, job)

        return self._compute.stream(context, lambda job: self._move("update", request, step, pb.UpdateReply, job))

    def Snapshot(self, request: pb.WriteRequest, context: grpc.ServicerContext) -> pb.WriteReply:
        def work(job: Job) -> pb.WriteReply:
            state, identity = self._expect(request.expect, "state")
            return pb.WriteReply(files=snapshot.write(state, identity, Path(request.directory)))

        return self._compute.call(context, work)

    def Publish(self, request: pb.WriteRequest, context: grpc.ServicerContext) -> pb.WriteReply:
        def work(job: Job) -> pb.WriteReply:
            state, _ = self._expect(request.expect, "policy")
            prompts = [list(p.ids) for p in request.probes]
            check_probes(prompts, state.policy.config)
            probes = self._probe(state, prompts, job.cancelled) if prompts else None
            return pb.WriteReply(files=snapshot.publish(state, Path(request.directory), probes))

        return self._compute.call(context, work)

    def _open(self, request: pb.OpenRequest) -> pb.StateReply:
        """Replaces the state; one that is refused leaves the old."""
        lead("open", request.SerializeToString())
        try:
            state = steps.source(request, self._resources)
            identity = state.identify()
            if request.snapshot:
                snapshot.check(Path(request.snapshot), identity)
            if request.expect and request.expect != identity.state:
                raise Refused(Code.DATA_LOSS, f"opened state {identity.state[:12]}; expected {request.expect[:12]}")
        except BaseException as error:
            part_on(error)
            lead("refuse")
            raise
        lead("accept")
        self.held, self._last = (state, identity), None
        return describe(state, identity)

    def _expect(self, digest: str, which: str) -> tuple[Training, Identity]:
        """The state held, if its digest (of the state, or of its policy) is that."""
        state, identity = self.held
        if state is None or identity is None:
            raise Refused(Code.FAILED_PRECONDITION, "no state is open")
        found = getattr(identity, which)
        if found != digest:
            raise Refused(Code.FAILED_PRECONDITION, f"the {which} held is {found[:12]}; asked for {digest[:12]}")
        return state, identity

    def _move(
        self,
        command: str,
        request: Any,
        step: Callable[[Training, steps.Files, Job], steps.Result],
        reply: type[Message],
        job: Job,
    ) -> Message:
        """Compare and swap: takes the step from its parent, or answers again what taking it gave."""
        files = steps.Files.read(request)
        asked = files.digest(request)
        _, now = self.held
        again = self._last and now and (request.parent, asked, now.state) == (*self._last[:2], self._last[2].digest)
        if self._last and again:
            return reply(result=self._last[2])
        state, identity = self._expect(request.parent, "state")
        lead(command, request.SerializeToString())
        if group.size() > 1:
            job.agree = group.any_of
        try:
            result = step(state, files, job)
            moved = state.identify(job.still)
        except BaseException as error:
            part_on(error)
            self._check_untouched(state, identity)
            raise
        answer = result.to_proto(moved)
        self.held, self._last = (state, moved), (request.parent, asked, answer)
        return reply(result=answer)

    def _check_untouched(self, state: Training, identity: Identity) -> None:
        """A step that failed half-way (out of memory while moving the anchor) leaves a state that is no state."""
        if state.identify().state != identity.state:
            log.error("a step failed half-way; the state is dropped")
            lead("drop")
            self.held = (None, None)


def check_probes(prompts: list[list[int]], config: Config) -> None:
    """INVALID_ARGUMENT names a prompt that the model cannot answer."""
    for i, ids in enumerate(prompts):
        if not ids or not 0 <= min(ids) <= max(ids) < config.vocab_size:
            raise invalid(f"probe {i}: needs at least one token, each from 0 to {config.vocab_size - 1}")
        if len(ids) + probe.LENGTH > config.max_position_embeddings:
            room = config.max_position_embeddings - probe.LENGTH
            raise invalid(f"probe {i}: {len(ids)} tokens; at most {room}, by what the model has room for")


def describe(state: Training | None, identity: Identity | None) -> pb.StateReply:
    if state is None or identity is None:
        return pb.StateReply()
    return pb.StateReply(
        digest=identity.state,
        policy=identity.policy,
        step=state.step,
        parameters=sum(p.numel() for p in state.policy.parameters()),
        eos=snapshot.eos_ids(state.policy.config)[0],
    )
