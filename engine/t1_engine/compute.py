"""One thread computes; calls queue for it, stay cancellable, and hear how far it is.

A thread, not a lock: OpenMP keeps one pool of workers for each thread that calls it, and bits may depend on it.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from t1_engine.errors import Cancelled
from t1_engine.status import status_of

PROGRESS_EVERY = 0.25  # seconds between two progress replies, at least


class Job:
    """One call's work, as the compute thread sees it. Methods may be called from any thread."""

    def __init__(self, agree: Callable[[bool], bool] = bool) -> None:
        self.agree = agree  # makes one answer of several processes'; all ask equally often
        self.replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._reported = time.monotonic()
        self._latest: Callable[[], Any] | None = None

    def cancel(self) -> None:
        self._cancelled.set()

    def cancelled(self) -> bool:
        return self.agree(self._cancelled.is_set())

    def check(self) -> None:
        """Raises Cancelled once the caller gave up."""
        if self.cancelled():
            raise Cancelled

    def reply(self, message: Any) -> None:
        """Sends a message to the caller; it is never dropped."""
        self.replies.put(message)

    def progress(self, make: Callable[[], Any]) -> None:
        """Sends make() unless one was sent a moment ago."""
        self._latest = make
        now = time.monotonic()
        if now - self._reported >= PROGRESS_EVERY:
            self._reported = now
            self.replies.put(make())

    def still(self) -> None:
        """Says the latest progress again: something that counts nothing goes on."""
        if self._latest is not None:
            self.progress(self._latest)


class Compute:
    """The compute thread."""

    def __init__(self, ready: Callable[[], None] = lambda: None) -> None:
        """ready: called first on the thread."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compute", initializer=ready)
        self._jobs: set[Job] = set()
        self._closed = False

    def stream(self, context: grpc.ServicerContext, work: Callable[[Job], Any]) -> Iterator[Any]:
        """Yields what `work` replies, then what it returns. Errors become the call's status."""
        job = Job()
        if self._closed or not context.add_callback(job.cancel):  # False: the call is over already
            job.cancel()
        self._jobs.add(job)
        self._thread.submit(self._run, job, work)
        while (message := job.replies.get()) is not None:
            if isinstance(message, BaseException):
                context.abort(*status_of(message))
            yield message

    def call(self, context: grpc.ServicerContext, work: Callable[[Job], Any]) -> Any:
        """What `work` returns, for calls with one reply."""
        (reply,) = self.stream(context, work)
        return reply

    def close(self) -> None:
        """Cancels what runs and what waits; returns when the thread is idle."""
        self._closed = True
        for job in list(self._jobs):
            job.cancel()
        self._thread.shutdown(wait=True)

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        try:
            job.check()
            job.reply(work(job))
            job.reply(None)
        except BaseException as error:
            job.reply(error)
        finally:
            self._jobs.discard(job)


def answer(context: grpc.ServicerContext, work: Callable[[], Any]) -> Any:
    """What `work` returns, on the caller's thread: for calls that touch no tensor."""
    try:
        return work()
    except Exception as error:
        context.abort(*status_of(error))
