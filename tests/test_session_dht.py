"""``session.dht`` on real sockets: peers as they come, figures, and every way in which a search ends."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from support.loopback import PATIENCE

import bittorrent_threads as bt
from bittorrent_threads.session_dht import MAX_FOUND
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

CONTENT = SampleTorrent({"a.bin": 100_000}, piece_length=16 * KIB, name="found")
ABSENT = b"x" * 20


def settings_of(*routers: Tuple[str, int], **settings: object) -> bt.Settings:
    return bt.Settings(host="127.0.0.1", dht=True, dht_routers=routers).replace(**settings)  # type: ignore[arg-type]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A node that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        yield sock


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Tuple[str, int]]:
    """A node of ours."""
    other = SampleTorrent({"b.bin": 1000}, piece_length=16 * KIB, name="other")
    with bt.Client(other.metainfo(), tmp_path / "router", settings=settings_of()) as client:
        yield "127.0.0.1", client.port


def test_peers_come_as_they_are_found(router: Tuple[str, int], tmp_path: Path) -> None:
    data = CONTENT.write(tmp_path / "seed")
    settings = settings_of(router)
    with bt.Client(CONTENT.metainfo(), data, settings=settings) as seed, bt.Session(settings) as session:
        seed.wait(lambda status: status.dht.state == "working", timeout=PATIENCE)
        assert next(event for event in seed if isinstance(event, bt.events.DhtSearched)).replies >= 1
        peers = session.dht.get_peers(CONTENT.infohash)
        assert list(peers) == [("127.0.0.1", seed.port)]
        assert peers.ended
        assert peers.replies >= 1
        assert list(peers) == []
        peers.close()
        status = session.dht.status()
        assert status.running
        assert "ended" in repr(peers)
    assert bt.DhtPeers is type(peers)
    assert isinstance(status, bt.DhtStatus)


def test_a_torrent_is_downloaded_by_the_dht_alone(router: Tuple[str, int], tmp_path: Path) -> None:
    data = CONTENT.write(tmp_path / "seed")
    with bt.Client(CONTENT.metainfo(), data, settings=settings_of(router)) as seed:
        seed.wait(lambda status: status.dht.state == "working", timeout=PATIENCE)
        bt.download(CONTENT.metainfo(), tmp_path / "down", settings=settings_of(router), timeout=PATIENCE)
    assert CONTENT.differences(tmp_path / "down") == []


def test_two_clients_are_enough(tmp_path: Path) -> None:
    """The only node that each has is the other's."""
    data = CONTENT.write(tmp_path / "seed")
    with bt.Client(CONTENT.metainfo(), data, settings=settings_of()) as seed:
        seed.wait("checked", timeout=PATIENCE)
        router = ("127.0.0.1", seed.port)
        bt.download(CONTENT.metainfo(), tmp_path / "down", settings=settings_of(router), timeout=PATIENCE)
    assert CONTENT.differences(tmp_path / "down") == []


def test_a_search_ends_after_its_timeout(silent: socket.socket) -> None:
    with bt.Session(settings_of(silent.getsockname())) as session:
        with session.dht.get_peers(ABSENT, 0.2) as peers:
            assert list(peers) == []
            assert peers.replies == 0
        assert silent.recv(2000)[:1] == b"d"


def test_nobody_need_take_what_is_found() -> None:
    with bt.Session(settings_of()) as session:
        peers = session.dht.get_peers(ABSENT, None)
        addresses = [("10.0.0.1", 1 + number) for number in range(2 * MAX_FOUND)]
        session._call(lambda engine: peers._finder.on_peers(addresses))
        session._call(lambda engine: peers._finder.on_search_ended(3))
        assert len(list(peers)) == MAX_FOUND
        assert peers.replies == 3


def test_a_wait_is_ended_by_closing_the_session(silent: socket.socket) -> None:
    session = bt.Session(settings_of(silent.getsockname()))
    peers = session.dht.get_peers(ABSENT, PATIENCE)
    silent.recv(2000)
    threading.Timer(0.05, session.close).start()
    with contextlib.suppress(bt.SessionClosed):
        assert list(peers) == []
    session.close()
    for _ in range(2):
        with pytest.raises(bt.SessionClosed):
            session.dht.get_peers(ABSENT)
        peers.close()
    with pytest.raises(bt.SessionClosed):
        session.dht.add_node("127.0.0.1", 6881)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_in_the_child_of_a_fork_it_is_dead(silent: socket.socket) -> None:
    with bt.Session(settings_of(silent.getsockname())) as session:
        peers = session.dht.get_peers(ABSENT, PATIENCE)
        child = os.fork()
        if not child:
            try:
                next(peers)
            except bt.SessionClosed:
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        peers.close()


def test_a_node_that_the_program_names(router: Tuple[str, int]) -> None:
    with bt.Session(settings_of()) as session:
        session.dht.add_node("localhost" if socket.gethostbyname("localhost") == "127.0.0.1" else router[0], router[1])
        peers = session.dht.get_peers(ABSENT, PATIENCE)
        assert list(peers) == []
        assert peers.replies >= 1


def test_what_is_wrong_is_said_at_the_call() -> None:
    with bt.Session(settings_of()) as session:
        for wrong in (b"", b"x" * 32):
            with pytest.raises(ValueError, match="an infohash has 20 bytes"):
                session.dht.get_peers(wrong)
        for port in (0, 65536):
            with pytest.raises(ValueError, match="is not 1 to 65535"):
                session.dht.add_node("127.0.0.1", port)
    with bt.Session(settings_of(dht=False)) as session:
        with pytest.raises(bt.StateError, match=r"get_peers: .*Settings\.dht is false"):
            session.dht.get_peers(ABSENT)
        with pytest.raises(bt.StateError, match=r"add_node: .*Settings\.dht is false"):
            session.dht.add_node("127.0.0.1", 6881)
        assert session.dht.status() == bt.DhtStatus()


def test_a_private_torrent_sends_nothing(silent: socket.socket, tmp_path: Path) -> None:
    private = bt.create(CONTENT.path(CONTENT.write(tmp_path / "seed"), ""), private=True)
    settings = settings_of(silent.getsockname())
    with bt.Session(settings) as seeds, bt.Session(settings) as downs:
        seed = seeds.add(private, tmp_path / "seed")
        down = downs.add(private, tmp_path / "down", peers=[("127.0.0.1", seed.port)])
        down.wait(timeout=PATIENCE)
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.recv(2000)
        silent.settimeout(PATIENCE)
        downs.add(CONTENT.metainfo(), tmp_path / "public")
        assert silent.recv(2000)[:1] == b"d"


def test_nodes_are_kept_in_a_file(router: Tuple[str, int], tmp_path: Path) -> None:
    path = tmp_path / "folder" / "dht.json"
    for routers in ([router], []):
        with bt.Session(settings_of(*routers, dht_state=str(path))) as session:
            peers = session.dht.get_peers(ABSENT, PATIENCE)
            assert list(peers) == []
            assert peers.replies >= 1
        assert path.exists()
