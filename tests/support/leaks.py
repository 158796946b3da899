"""What a test may not leave behind: threads of the library, threads that hold up the exit, sockets and open files.

Descriptors are compared by what they point to (``/proc/self/fd``), so that a number used again is no leak and one that
stays open is; on systems without that folder only threads are seen.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from typing import Dict, FrozenSet, List, NamedTuple

DESCRIPTORS = "/proc/self/fd"
GRACE = 20.0
"""Seconds that all threads together have to end by themselves."""


class Snapshot(NamedTuple):
    """The threads and descriptors of this process at one time."""

    threads: FrozenSet[threading.Thread]
    descriptors: FrozenSet[str]


def snapshot() -> Snapshot:
    """What there is now."""
    return Snapshot(frozenset(threading.enumerate()), frozenset(_descriptors().values()))


def leaks_since(before: Snapshot, grace: float = GRACE) -> List[str]:
    """A sentence for each thing that is there now and was not, after its threads had ``grace`` seconds to end."""
    if not _strangers(before):
        return []
    gc.collect()  # only now: it costs 40 ms, with which a thousand tests would wait longer than they run
    deadline = time.monotonic() + grace
    found = []
    for thread in threading.enumerate():
        if thread in before.threads or not (thread.name.startswith("bittorrent-") or not thread.daemon):
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            found.append(f"the thread {thread.name} still runs")
    gc.collect()  # what the threads that ended held
    found += [
        f"descriptor {number} is still open: {target}"
        for number, target in sorted(_descriptors().items())
        if target not in before.descriptors
    ]
    return found


def _strangers(before: Snapshot) -> bool:
    """Is there anything that was not there?"""
    threads = [thread for thread in threading.enumerate() if thread not in before.threads]
    return bool(threads) or any(target not in before.descriptors for target in _descriptors().values())


def _descriptors() -> Dict[int, str]:
    """Number and target of every socket and every file below the folder for temporary files."""
    temporary = os.path.realpath(tempfile.gettempdir()) + os.sep
    found = {}
    for name in os.listdir(DESCRIPTORS) if os.path.isdir(DESCRIPTORS) else ():
        try:
            target = os.readlink(f"{DESCRIPTORS}/{name}")
        except OSError:  # the descriptor that listed the folder
            continue
        if target.startswith(("socket:", temporary)):
            found[int(name)] = target
    return found
