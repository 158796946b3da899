"""Each real client and ours find each other by one means alone: a tracker, the DHT, peer exchange, local discovery.

Either side has a magnet link and nothing else.  Where theirs seeds, the link is that of each of the three clients.  The
metadata has two pieces.

Each meeting is a program in a network namespace of its own (see ``support.meetings``), and several run at once, because
Transmission waits most of the time.  That libtorrent tells us of a seeder is in ``test_discovery``.  What the clients
cannot do was seen in their logs:

- Transmission 3.00 takes no loopback address from others, for which reason the namespace has addresses of 10.0.0.0/8.
- It decides every ten seconds whom it sends to and whom it asks, so no meeting with it is shorter.
- Its DHT node meets a new node every two seconds, and announces when it knows nine: after ten to forty seconds.
"""

from __future__ import annotations

import concurrent.futures
from typing import Callable, Dict, Iterator, List, Tuple

import pytest
from support.meetings import EXCHANGE, KINDS, MEANS, NETWORK
from support.namespaces import in_namespace
from support.peers.aria2 import Aria2Peer
from support.peers.libtorrent import LibtorrentPeer
from support.peers.transmission import TransmissionPeer

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]

Row = Tuple[str, ...]
"""Role, client and means, and where it seeds the client that makes the link."""

AT_ONCE = 10
LIMIT = 280
"""Seconds of a meeting, more than its waits take, so that it ends its clients itself."""
PROGRAM = "import sys; from support.meetings import main; main(*sys.argv[1:])"
SLOWEST_FIRST = (TransmissionPeer.name, Aria2Peer.name, LibtorrentPeer.name)
ROWS: List[Row] = []
for kind in SLOWEST_FIRST:
    ROWS += [("it seeds", kind, means, f"link of {maker}") for means in MEANS for maker in KINDS]
    ROWS += [("we seed", kind, means) for means in MEANS]
    ROWS.append(("we tell", kind, EXCHANGE))
ROWS += [("it tells", TransmissionPeer.name, EXCHANGE), ("it tells", Aria2Peer.name, EXCHANGE)]


@pytest.fixture(scope="module")
def meetings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Dict[Row, concurrent.futures.Future[str]]]:
    """The meetings of all tests that will run, begun."""
    chosen = {item.name for item in request.session.items if item.path == request.path}
    rows = [row for row in ROWS if any(name.endswith(f"[{', '.join(row)}]") for name in chosen)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        started = {}
        for row in rows:
            folder = tmp_path_factory.mktemp("meeting")
            words = [word.replace("link of ", "") for word in row]
            started[row] = pool.submit(in_namespace, NETWORK, PROGRAM, str(folder), *words, timeout=LIMIT)
        yield started
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("row", ROWS, ids=", ".join)
def test_a_magnet_link_and_one_means_are_enough(
    row: Row, meetings: Dict[Row, concurrent.futures.Future[str]], require_peer: Callable[[str], str]
) -> None:
    for name in KINDS:
        require_peer(name)
    meetings[row].result()
