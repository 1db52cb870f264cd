"""A process that trains beside rank 0: it holds its part of the state, and does what it is told."""

from t1_engine import group, steps
from t1_engine.compute import Job
from t1_engine.crew import part_on
from t1_engine.pb import engine_pb2 as pb
from t1_engine.resources import Resources
from t1_engine.state import State


class Follower:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._state: State | None = None
        self._opened: State | None = None  # until rank 0 has checked it
        self._traces = steps.TraceCache()

    def run(self) -> None:
        """Never returns."""
        while True:
            name, _, data = group.receive().partition(b"\0")
            try:
                getattr(self, name.decode())(data)
            except Exception as error:
                part_on(error)

    def open(self, data: bytes) -> None:
        self._opened = None
        self._opened = steps.source(pb.OpenRequest.FromString(data), self._resources)

    def accept(self, data: bytes) -> None:
        self._state, self._opened = self._opened, None

    def refuse(self, data: bytes) -> None:
        self._opened = None

    def drop(self, data: bytes) -> None:
        self._state = None

    def gather(self, data: bytes) -> None:
        self._asked().gather(data.decode())

    def hash(self, data: bytes) -> None:
        self._asked().hash()

    def _asked(self) -> State:
        """The state rank 0 looks at."""
        state = self._opened or self._state
        assert state is not None
        return state

    def fine_tune(self, data: bytes) -> None:
        request = pb.FineTuneRequest.FromString(data)
        assert self._state is not None
        traces = self._traces(steps.Files.read(request).traces, self._state)
        steps.fine_tune(self._state, request, traces, Job(agree=group.any_of))

    def update(self, data: bytes) -> None:
        request = pb.UpdateRequest.FromString(data)
        assert self._state is not None
        steps.update(self._state, request, steps.Files.read(request), Job(agree=group.any_of))
