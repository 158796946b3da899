"""IPv6 with a real peer: libtorrent on ``::1``, dialled by us and dialling us; and a link-local address."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, List

import pytest
from support.pairs import PATIENCE, SMALL
from support.peers.libtorrent import LibtorrentPeer

import bittorrent_threads as bt

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

LISTENING = {"listen_interfaces": "[::1]:0"}
TABLE = Path("/proc/net/if_inet6")
LINK = 0x20
"""The scope of a link-local address in that table."""


@pytest.mark.parametrize("seed", [True, False], ids=["it seeds", "we seed"])
def test_libtorrent_over_ipv6(seed: bool, tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer(LibtorrentPeer.name)
    torrent = SMALL.write_torrent(tmp_path)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    SMALL.write(theirs if seed else ours)
    peer = LibtorrentPeer(torrent, theirs, seed=seed, host="::1", settings=LISTENING)
    with peer, bt.Client(torrent, ours, settings=bt.Settings(host="::1")) as client:
        client.wait("checked", timeout=PATIENCE)
        if seed:
            client.add_peer(*peer.address)
            client.wait(timeout=PATIENCE)
        else:
            peer.add_peer(("::1", client.port))
            peer.wait_complete(PATIENCE)
        connected = events_of(client)
    assert {(event.address[0], event.incoming) for event in connected} == {("::1", not seed)}
    assert SMALL.differences(theirs) == SMALL.differences(ours) == []


def link_local() -> str:
    """An address of this machine with the name of its interface."""
    for line in TABLE.read_text().splitlines() if TABLE.exists() else ():
        digits, _, _, scope, _, interface = line.split()
        if int(scope, 16) == LINK:
            return ":".join(digits[at : at + 4] for at in range(0, 32, 4)) + f"%{interface}"
    pytest.skip("no link-local address")


def test_a_link_local_address_with_its_zone(tmp_path: Path) -> None:
    host = link_local()
    SMALL.write(tmp_path / "seed")
    with bt.Client(SMALL.metainfo(), tmp_path / "seed") as seed, bt.Client(SMALL.metainfo(), tmp_path / "down") as down:
        seed.wait("checked", timeout=PATIENCE)
        down.add_peer(host, seed.port)
        down.wait(timeout=PATIENCE)
        ends = {event.address[0] for event in events_of(down) + events_of(seed)}
        assert len(ends) == 1, "the other end has the same address, and the same zone"
        assert ends.pop().partition("%")[2].isdigit()
    assert SMALL.differences(tmp_path / "down") == []


def events_of(client: bt.Client) -> List[bt.events.PeerConnected]:
    """The connections so far."""
    found = []
    while not client.events.empty():
        event = client.events.get()
        if isinstance(event, bt.events.PeerConnected):
            found.append(event)
    return found
