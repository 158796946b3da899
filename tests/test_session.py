"""Several torrents in one session; closing, leaking, forking, dying."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
import warnings
from pathlib import Path

import pytest
from support import leaks
from support.content import KIB, Content
from support.loopback import free_port
from support.pairs import LOCAL, PATIENCE, SMALL

import bittorrent_threads as bt
from bittorrent_threads import events

OTHER = Content.of("other", {"": 200_000}, 16 * KIB)


def test_two_torrents_on_one_port(tmp_path: Path):
    for content in (SMALL, OTHER):
        content.write(tmp_path / "seed")
    with bt.Session(LOCAL) as seeds, bt.Session(LOCAL) as downs:
        for content in (SMALL, OTHER):
            seeds.add(content.metainfo(), tmp_path / "seed").wait("checked", timeout=PATIENCE)
        peers = [("127.0.0.1", seeds.port)]
        clients = [downs.add(content.metainfo(), tmp_path / "down", peers=peers) for content in (SMALL, OTHER)]
        assert downs.clients == tuple(clients) and len({client.port for client in clients}) == 1
        for client in clients:
            client.wait(timeout=PATIENCE)
        clients[0].close()
        assert downs.clients == (clients[1],) and clients[1].state == "active"
    assert SMALL.differences(tmp_path / "down") == OTHER.differences(tmp_path / "down") == []


def test_a_torrent_is_in_a_session_once(tmp_path: Path):
    with bt.Session(LOCAL) as session:
        client = session.add(SMALL.metainfo(), tmp_path)
        with pytest.raises(bt.StateError, match="already"):
            session.add(SMALL.metainfo(), tmp_path)
        assert client.state == "active", "the first one lives on"
        client.close()
        session.add(SMALL.metainfo(), tmp_path)


def test_a_closed_session_refuses(tmp_path: Path):
    session = bt.Session()
    client = session.add(SMALL.metainfo(), tmp_path, state="stopped")
    session.close()
    session.close()
    assert session.closed
    with pytest.raises(bt.SessionClosed):
        session.add(SMALL.metainfo(), tmp_path)
    with pytest.raises(bt.SessionClosed):
        client.start()
    assert [type(event) for event in client] == [events.Closed]


def test_the_port_asked_for_and_the_port_taken(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = LOCAL.replace(port=port)
        with bt.Client(SMALL.metainfo(), tmp_path, settings=settings) as client:
            assert client.port not in (0, port)
        with pytest.raises(bt.ListenError) as caught:
            bt.Client(SMALL.metainfo(), tmp_path, settings=settings.replace(port_strict=True))
        assert str(port) in str(caught.value) and caught.value.errno


def test_the_port_is_closed_when_everything_is_stopped_and_kept_for_later(tmp_path: Path):
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, port=free_port()) as client:
        port = client.port
        socket.create_connection(("127.0.0.1", port)).close()
        client.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        client.start()
        assert client.port == port


def test_a_hundred_clients_leave_nothing(tmp_path: Path):
    before = leaks.snapshot()
    for number in range(100):
        with bt.Client(SMALL.metainfo(), tmp_path / str(number), settings=LOCAL, on_hash_pass=print) as client:
            assert client.state == "active"
    assert leaks.leaks_since(before) == []


def test_an_unclosed_client_warns_and_closes_itself(tmp_path: Path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
        client.session._loop.call(int)  # the network thread holds nothing of the calls before it any more
        del client
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]
    assert "unclosed" in str(caught[0].message)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_has_a_dead_copy(tmp_path: Path):
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                words = []
                for verb in (client.start, client.hashcheck, client.session.close, client.close):
                    try:
                        verb()
                        words.append("done")
                    except bt.SessionClosed:
                        words.append("SessionClosed")
                os.write(writer, " ".join(words).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with open(reader, "rb") as pipe:
            assert pipe.read() == b"SessionClosed SessionClosed done done"
        os.waitpid(child, 0)
        assert client.hashcheck(0).failed == (0,), "the parent's session lives"
        socket.create_connection(("127.0.0.1", client.port)).close()


def test_a_dead_network_thread_wakes_every_waiter_with_the_cause(tmp_path: Path, caplog):
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
    caught = []

    def wait() -> None:
        try:
            client.wait()
        except bt.SessionClosed as error:
            caught.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()

    def die() -> None:
        raise SystemExit("the loop is killed")

    client.session._loop.post(die)
    waiter.join(PATIENCE)
    assert caught and "the loop is killed" in str(caught[0])
    with pytest.raises(bt.SessionClosed) as again:
        client.start()
    assert isinstance(again.value.__cause__, (SystemExit, bt.SessionClosed))
    began = time.monotonic()
    client.close(timeout=60)
    assert time.monotonic() - began < 30
    assert isinstance(list(client)[-1], events.Closed)
