"""System errors in a few plain words: the reasons that users read.

The rule: a reason tells what happened to the connection, not which call failed.
"""

from __future__ import annotations

import errno
import os

_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "reset by peer",
    errno.ECONNABORTED: "connection aborted by the system",
    errno.EPIPE: "closed by the other end",
    errno.ETIMEDOUT: "no answer from the other end",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EADDRNOTAVAIL: "no address to connect from",
    errno.EMFILE: "too many open files in this process",
    errno.ENFILE: "too many open files in the system",
}


def describe(error: BaseException) -> str:
    """Return a few plain words for an error, from its ``errno`` if it has one."""
    number = getattr(error, "errno", None)
    if number in _REASONS:
        return _REASONS[number]
    strerror = getattr(error, "strerror", None)
    if isinstance(strerror, str):
        return strerror[:1].lower() + strerror[1:]
    return str(error) or type(error).__name__


def describe_code(code: int) -> str:
    """Return a few plain words for an ``errno`` value."""
    return describe(OSError(code, os.strerror(code)))
