"""What a call may leave behind in its process: threads and descriptors."""

from __future__ import annotations

import _thread
import contextlib
import gc
import os
import threading
import time
from typing import List, NamedTuple

DESCRIPTORS = "/proc/self/fd"


class Leftovers(NamedTuple):
    """The threads and descriptors of this process."""

    threads: int
    descriptors: List[str]
    """What each of them refers to, without its number."""

    @classmethod
    def now(cls) -> Leftovers:
        """Return those of this moment."""
        found = []
        for name in os.listdir(DESCRIPTORS) if os.path.isdir(DESCRIPTORS) else ():
            with contextlib.suppress(OSError):
                found.append(os.readlink(f"{DESCRIPTORS}/{name}").split(":[")[0])
        return cls(_thread._count(), sorted(found))

    @classmethod
    def settled(cls, expected: Leftovers, timeout: float) -> Leftovers:
        """Collect garbage until those of this moment are as expected, or the time is over, and return them."""
        deadline = time.monotonic() + timeout
        while gc.collect() >= 0 and cls.now() != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        return cls.now()


def own_threads() -> List[str]:
    """Return the names of the running threads of the library."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-"))
