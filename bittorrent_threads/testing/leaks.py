"""Detection of leaks: threads of the library, non-daemon threads, sockets and open files.

Descriptors are compared by what they point to (``/proc/self/fd``), so that a number used again is no leak and one that
stays open is; on systems without that folder only threads are seen.
"""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import threading
import time
from typing import Dict, FrozenSet, Iterator, List, NamedTuple

DESCRIPTORS = "/proc/self/fd"
GRACE = 20.0
"""Seconds that threads have to end by themselves."""


class Snapshot(NamedTuple):
    """The threads and descriptors of this process at one time."""

    threads: FrozenSet[threading.Thread]
    descriptors: FrozenSet[str]


def snapshot() -> Snapshot:
    """Return the current threads and descriptors."""
    return Snapshot(frozenset(threading.enumerate()), frozenset(_descriptors().values()))


def leaks_since(before: Snapshot, grace: float = GRACE) -> List[str]:
    """Return one sentence for each leak; threads have ``grace`` seconds to end."""
    if not _anything_new(before):
        return []
    gc.collect()  # only if something is left, as it takes 40 ms
    deadline = time.monotonic() + grace
    found = []
    for thread in threading.enumerate():
        if thread in before.threads or not (thread.name.startswith("bittorrent-") or not thread.daemon):
            continue
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            found.append(f"the thread {thread.name} still runs")
    gc.collect()  # objects that the ended threads referenced
    found += [
        f"descriptor {number} is still open: {target}"
        for number, target in sorted(_descriptors().items())
        if target not in before.descriptors
    ]
    return found


def _anything_new(before: Snapshot) -> bool:
    """Return whether something new exists."""
    threads = [thread for thread in threading.enumerate() if thread not in before.threads]
    return bool(threads) or any(target not in before.descriptors for target in _descriptors().values())


def _descriptors() -> Dict[int, str]:
    """Return number and target of every open socket and every open file below the temporary folder."""
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


@contextlib.contextmanager
def no_leaks(grace: float = GRACE) -> Iterator[None]:
    """Check at the end of the block that nothing is left of the library: no thread, no socket, no temporary file.

    ::

        with no_leaks():
            my_application.main()

    Args:
        grace: Seconds that threads have to end by themselves.

    Raises:
        AssertionError: If something is left; the text names each thread and file.
    """
    before = snapshot()
    yield
    found = leaks_since(before, grace)
    if found:
        raise AssertionError("leaked: " + "; ".join(found))
