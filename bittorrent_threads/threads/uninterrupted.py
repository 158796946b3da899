"""``run_uninterrupted``: makes a call that Ctrl-C cannot break off in the middle.

Python handles signals in the main thread only.  Some calls must be made whole or not at all: the start of a thread, or
of a pair of sockets (between two lines of ``socket.socketpair`` a descriptor is a number that nothing closes).  The
main thread has such a call made by a thread that lives for this call alone, and waits for a latch.

The rule: when that wait is interrupted, the call still ends, and what it returned is released.
"""

from __future__ import annotations

import threading
from typing import Callable, List, TypeVar

from ..errors import ThreadError
from .greenlets import import_late_modules
from .latch import Latch
from .original import get_ident, patched, start_new_thread

T = TypeVar("T")


def run_uninterrupted(function: Callable[[], T], name: str) -> T:
    """Return what ``function()`` returns; on the main thread, another thread makes the call.

    Args:
        function: The call to make.
        name: What the call is for, shown in errors.

    Raises:
        ThreadError: No thread could be started for the call.
        BaseException: Whatever ``function`` raised.
    """
    if patched():  # the number of a patched main thread is that of a greenlet, so that it cannot be recognised
        import_late_modules()
    elif threading.main_thread().ident != get_ident():
        return function()
    values: List[T] = []
    errors: List[BaseException] = []
    done = Latch()

    def run() -> None:
        try:
            values.append(function())
        except BaseException as error:
            errors.append(error)
        done.set()

    try:
        start_new_thread(run, ())
    except RuntimeError as error:
        raise ThreadError(name, str(error)) from error
    done.wait()
    if errors:
        raise errors[0]
    return values[0]
