"""``sheltered``: a call that no interrupt can break off in the middle.

Signals reach the main thread alone.  What must be whole or not be at all, such as a thread that starts or a pair of
sockets (between two lines of ``socket.socketpair`` a descriptor is a mere number), is made by a thread that lives for
it; the main thread waits for a latch.  The rule: an interrupted wait lets the call end all the same, and what it
returned is let go of.
"""

from __future__ import annotations

import threading
from typing import Callable, List, TypeVar

from ..errors import ThreadError
from .greenlets import import_late_modules
from .latch import Latch
from .original import get_ident, patched, start_new_thread

T = TypeVar("T")


def sheltered(function: Callable[[], T], name: str) -> T:
    """What ``function()`` returns or raises; ``name`` is what it is for.  Raises ThreadError if there is no shelter."""
    if patched():  # the main thread cannot be told: its number is that of a greenlet
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
