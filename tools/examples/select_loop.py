"""Downloads in a program that waits with ``select``, among other things for events of the client.

    python3 tools/examples/select_loop.py TORRENT FOLDER

The program also counts the seconds, to show that it does other work meanwhile.
"""

from __future__ import annotations

import queue
import select
import sys
import time
from typing import Sequence

import bittorrent_threads as bt


def main(arguments: Sequence[str]) -> int:
    """Download the torrent; return the exit code."""
    torrent, folder = arguments
    ticks, complete = 0, False
    next_tick = time.monotonic() + 1.0
    with bt.Client(torrent, folder) as client:
        while not complete:
            # The client stands in the list itself: it has a ``fileno``.  Sockets of the program may stand beside it.
            readable, _, _ = select.select([client], [], [], max(0.0, next_tick - time.monotonic()))
            if not readable:
                ticks, next_tick = ticks + 1, next_tick + 1.0
                print(f"{ticks} s, {client.status().progress:.0%}")
                continue
            try:
                event = client.events.get_nowait()
            except queue.Empty:  # another thread may have taken it
                continue
            if isinstance(event, bt.events.StorageFailed):
                print(event.reason, file=sys.stderr)
                return 1
            complete = isinstance(event, bt.events.Completed)
        print(f"complete: {client.downloaded} bytes received")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
