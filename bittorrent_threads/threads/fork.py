"""``close_after_fork``: the child of a fork closes its copies of sockets whose threads run in the parent alone."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Closable(Protocol):
    """An object with sockets and a thread of its own."""

    def close(self, timeout: float = ...) -> None:
        """Close the sockets, and wait at most ``timeout`` seconds for the thread."""


_open: weakref.WeakSet[Closable] = weakref.WeakSet()


def close_after_fork(owner: Closable) -> None:
    """Have the child of a fork close the object, if it still exists then."""
    _open.add(owner)


def _after_fork() -> None:
    for owner in list(_open):
        owner.close(0.0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
