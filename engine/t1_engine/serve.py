"""The server process: its socket, its signals, and the pipe it dies with."""

import logging
import os
import signal
import stat
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from t1_engine import environment
from t1_engine.log import set_up
from t1_engine.resources import Resources

MESSAGE_BYTES = 64 << 20  # largest message, either way
CALLS = 32  # answered at once; all but one wait for the compute thread
SOCKET_PATH_BYTES = 107  # what sockaddr_un holds, less its final zero

FAREWELL = 5.0  # seconds from SIGTERM to the end, at most

log = logging.getLogger("t1_engine")


def serve(socket: str, threads: int, resources: Resources) -> int:
    """Serves until standard input ends (exits at once, from here) or SIGTERM; returns the exit code."""
    started = time.monotonic()
    set_up()
    threading.Thread(target=die_with_parent, daemon=True).start()
    if "WORLD_SIZE" in os.environ:
        threading.Thread(target=die_with_launcher, daemon=True).start()
    if reason := refuse(Path(socket)) or crowded():
        log.error(reason)
        return 2
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    environment.prepare(threads)
    from t1_engine import group

    group.start(f"{socket}.group")
    if group.rank() > 0:
        return follow(resources)
    server, compute = build(socket, resources)
    seconds = round(time.monotonic() - started, 3)
    log.info("serving", extra={"fields": {"socket": socket, "threads": threads, "seconds": seconds}})
    while not stopped.wait(1):  # in turns: a handler runs only between two instructions of this thread
        pass
    late = threading.Timer(FAREWELL, leave)  # a call whose peer does not read can hold the server for ever
    late.daemon = True
    late.start()
    finished = server.stop(grace=1)  # no new calls from here on
    compute.close()
    finished.wait()
    return leave()


def follow(resources: Resources) -> NoReturn:
    """Does what rank 0 says until it is gone."""
    from t1_engine.follower import Follower

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    compute_here()
    Follower(resources).run()
    raise AssertionError


def compute_here() -> None:
    """New tensors of this thread are made where this process computes."""
    import torch

    from t1_engine import group

    if group.device().type != "cpu":
        torch.cuda.set_device(group.device())  # a thread's own, as the default is
        torch.set_default_device(group.device())


def leave() -> NoReturn:
    """Ends the process; torch's own threads need no farewell, and nothing on disk depends on one."""
    log.info("stopped")
    sys.stderr.flush()
    os._exit(0)


def die_with_parent() -> None:
    """Exits when standard input ends: the parent holds the other end, so its death, however sudden, is ours."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def die_with_launcher() -> None:
    """Exits when the process that started this one is gone: torchrun gives its processes sessions of their own."""
    launcher = os.getppid()
    while os.getppid() == launcher:
        time.sleep(0.2)
    os._exit(0)


def refuse(socket: Path) -> str | None:
    """Why the socket cannot be made there, or None. Makes its directory where there is none."""
    if len(os.fsencode(socket)) > SOCKET_PATH_BYTES:
        return f"socket {socket}: the path is longer than {SOCKET_PATH_BYTES} bytes"
    try:
        socket.parent.mkdir(mode=0o700, exist_ok=True)
        about = socket.parent.stat()
    except OSError as error:
        return f"socket {socket}: {error.strerror}"
    if stat.S_IMODE(about.st_mode) != 0o700 or about.st_uid != os.geteuid():
        return f"socket {socket}: its directory must belong to this user with mode 0700"
    return None


def crowded() -> str | None:
    """Why there are too many trainers, or None."""
    local, size = int(os.environ.get("LOCAL_RANK", "0")), os.environ.get("WORLD_SIZE", "1")
    if size == "1":
        return None
    import torch

    gpus = torch.cuda.device_count()
    return f"trainers: {size}; this machine has {gpus} GPUs, and each takes one" if 0 < gpus <= local else None


def build(socket: str, resources: Resources = Resources()):  # noqa: B008
    """A started server and its compute thread. Imports what needs torch, after `environment.prepare`."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its log lines are no JSON
    import grpc

    from t1_engine.compute import Compute
    from t1_engine.services import register

    compute = Compute(ready=compute_here)
    limits = [("grpc.max_send_message_length", MESSAGE_BYTES), ("grpc.max_receive_message_length", MESSAGE_BYTES)]
    server = grpc.server(ThreadPoolExecutor(CALLS, thread_name_prefix="call"), options=limits)
    register(server, compute, resources)
    before = os.umask(0o177)  # the socket is born 0600
    try:
        server.add_insecure_port(f"unix:{socket}")
    finally:
        os.umask(before)
    server.start()
    return server, compute
