"""An application that embeds the library: it downloads a list of torrents into one folder, and reports each.

    python tools/examples/mirror/mirror.py FOLDER TORRENT...

Its tests, in ``test_mirror.py``, need no network: they use ``bittorrent_threads.testing``.
"""

from __future__ import annotations

import sys
from typing import Dict, Iterable, List, Optional, Sequence, Tuple

import bittorrent_threads as bt

TIMEOUT = 3600.0
STALL_TIMEOUT = 120.0


def mirror(
    torrents: Iterable[str],
    folder: str,
    *,
    peers: Sequence[Tuple[str, int]] = (),
    settings: Optional[bt.Settings] = None,
    timeout: float = TIMEOUT,
    stall_timeout: float = STALL_TIMEOUT,
) -> Dict[str, str]:
    """Download every torrent, several at a time.

    Args:
        torrents: Paths of .torrent files.
        folder: Where their files go.
        peers: Addresses that are known to have them.
        settings: Settings of the session.
        timeout: Most seconds for each.
        stall_timeout: Most seconds without progress for each.

    Returns:
        By the path of each torrent: ``complete``, or why it is not.
    """
    report: Dict[str, str] = {}
    with bt.Session(settings) as session:
        clients: List[Tuple[str, bt.Client]] = []
        for path in torrents:
            try:
                clients.append((path, session.add(path, folder, peers=peers)))
            except (bt.BitTorrentError, OSError) as error:
                report[path] = str(error)
        for path, client in clients:
            try:
                client.wait(timeout=timeout, stall_timeout=stall_timeout)
                report[path] = "complete"
            except bt.BitTorrentError as error:
                report[path] = str(error)
    return report


def main(arguments: Sequence[str]) -> int:
    """Mirror, print the report, and return how many torrents are not complete."""
    report = mirror(arguments[1:], arguments[0])
    for path, outcome in report.items():
        print(f"{path}: {outcome}")
    return sum(1 for outcome in report.values() if outcome != "complete")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
