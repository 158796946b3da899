"""Downloads in processes of their own, so that the program's computations do not slow the network thread down.

    python3 tools/examples/spawned_processes.py FOLDER TORRENT [TORRENT...]

The processes are spawned: they begin empty.  With the start method ``fork`` a child may make sessions, too, but those
of the parent are dead in it.  A client cannot be sent to another process; torrents, paths and results can.
"""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Sequence, Tuple

import bittorrent_threads as bt


def fetch(torrent: str, folder: str) -> Tuple[str, float]:
    """Download one torrent in a worker process; return its name and the seconds it took."""
    result = bt.download(torrent, folder, stall_timeout=120)
    return result.name, result.seconds


def main(arguments: Sequence[str]) -> int:
    """Download the torrents; return the exit code."""
    folder, *torrents = arguments
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=2, mp_context=context) as pool:
        downloads = [pool.submit(fetch, torrent, folder) for torrent in torrents]
        for download in as_completed(downloads):
            name, seconds = download.result()
            print(f"complete: {name}, {seconds:.1f} s")
    return 0


if __name__ == "__main__":  # a spawned process imports this file, and must not start processes itself
    sys.exit(main(sys.argv[1:]))
