"""What went wrong, as a gRPC status: one table, used once at the edge of every call."""

import errno
import logging

import grpc
import torch

from t1_engine.errors import Cancelled, NumericError, SamplerGap

Code = grpc.StatusCode
log = logging.getLogger("t1_engine")


class Refused(Exception):
    """A call that cannot be answered, with its status and a lower-case sentence for the caller."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> Refused:
    """Bad input: which field, what was given, what is allowed."""
    return Refused(Code.INVALID_ARGUMENT, message)


def status_of(error: BaseException) -> tuple[grpc.StatusCode, str]:
    """The status and message of any exception. What is not known is INTERNAL, and its trace is logged."""
    if isinstance(error, Refused):
        return error.code, str(error)
    if isinstance(error, Cancelled):
        return Code.CANCELLED, "cancelled by the caller; the state is unchanged"
    if isinstance(error, NumericError):
        return Code.ABORTED, f"{error}; the state is unchanged"
    if isinstance(error, SamplerGap):
        return Code.OUT_OF_RANGE, f"{error}; the state is unchanged"
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "not enough memory" in str(error):
        return Code.RESOURCE_EXHAUSTED, f"out of memory: {first_line(error)}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return Code.RESOURCE_EXHAUSTED, f"{error.filename or 'disk'}: no space left"
    if isinstance(error, FileNotFoundError):
        return Code.NOT_FOUND, f"{error.filename}: not there" if error.filename else first_line(error)
    log.error("internal error", exc_info=error)
    return Code.INTERNAL, f"internal error ({type(error).__name__}); details in the engine's log"


def first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
