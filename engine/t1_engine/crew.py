"""How several processes do one thing: rank 0 answers calls and decides, and says each step to the others.

A command is a name, a zero byte, and a request or a tensor's name. follower.py carries them out.

An error that every process meets alike (bad input, a number that is not finite, a call that was cancelled) leaves the
group whole. After any other, one process may wait for another for ever: the group ends, and is started anew.
"""

import logging
import os
import threading

from t1_engine import group
from t1_engine.errors import Cancelled, NumericError, SamplerGap
from t1_engine.status import Code, Refused, status_of

ALIKE = (Refused, NumericError, SamplerGap, Cancelled, ValueError, FileNotFoundError)
FAREWELL = 0.5  # seconds in which the caller hears of it

log = logging.getLogger("t1_engine")


def lead(command: str, data: bytes = b"") -> None:
    """Says a command to the others, if there are any; rank 0 only. What it does is then done by the caller as well."""
    if group.size() > 1:
        group.send(command.encode() + b"\0" + data)


def part_on(error: BaseException) -> None:
    """Ends this process, and with it the group, unless all met the error alike. The caller hears UNAVAILABLE."""
    if group.size() == 1 or isinstance(error, ALIKE):
        return
    log.error("the group of trainers ends", exc_info=error)
    timer = threading.Timer(FAREWELL if group.rank() == 0 else 0, os._exit, (1,))
    timer.daemon = True
    timer.start()
    code, message = status_of(error)
    if code == Code.INTERNAL:
        raise Refused(Code.UNAVAILABLE, "the group of trainers ended; another one begins without a state") from error
    raise Refused(code, message) from error
