"""Several torrents in one session; closing, leaking, forking, dying."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import socket
import threading
import time
import warnings
from pathlib import Path
from typing import Any, List, Optional

import pytest
from support.loopback import free_port
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.hashcheck import Hashcheck
from bittorrent_threads.runtime import Runtime
from bittorrent_threads.testing import leaks
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent
from bittorrent_threads.testing.tracker import Tracker
from bittorrent_threads.threads.latch import Latch

FEW = SampleTorrent(64 * KIB, piece_length=16 * KIB, name="few")
OTHER = SampleTorrent(200_000, piece_length=16 * KIB, name="other")


def test_two_torrents_on_one_port(tmp_path: Path) -> None:
    for content in (SMALL, OTHER):
        content.write(tmp_path / "seed")
    with bt.Session(LOCAL) as seeds, bt.Session(LOCAL) as downs:
        for content in (SMALL, OTHER):
            seeds.add(content.metainfo(), tmp_path / "seed").wait("checked", timeout=PATIENCE)
        peers = [("127.0.0.1", seeds.port)]
        clients = [downs.add(content.metainfo(), tmp_path / "down", peers=peers) for content in (SMALL, OTHER)]
        assert downs.clients == tuple(clients)
        assert len({client.port for client in clients}) == 1
        for client in clients:
            client.wait(timeout=PATIENCE)
        clients[0].close()
        assert downs.clients == (clients[1],)
        assert clients[1].state == "active"
    assert SMALL.differences(tmp_path / "down") == OTHER.differences(tmp_path / "down") == []


def test_announces_and_connections_leave_from_the_address_of_the_session(tmp_path: Path) -> None:
    SMALL.write(tmp_path / "seed")
    with Tracker() as tracker:
        torrent = SMALL.metainfo([tracker.url])
        with (
            bt.Client(torrent, tmp_path / "seed", settings=LOCAL.replace(host="127.0.0.5")) as seed,
            bt.Client(torrent, tmp_path / "down", settings=LOCAL.replace(host="127.0.0.6")) as down,
        ):
            tracker.wait_until(lambda: len(tracker.swarm(SMALL.infohash)) == 2)
            assert set(tracker.swarm(SMALL.infohash)) == {("127.0.0.5", seed.port), ("127.0.0.6", down.port)}
            down.add_peer("127.0.0.5", seed.port)
            down.wait(timeout=PATIENCE)
            assert {peer.address[0] for peer in seed.peers} <= {"127.0.0.6"}


def test_a_seed_with_a_low_limit_sends_each_piece_about_once(tmp_path: Path) -> None:
    FEW.write(tmp_path / "seed")
    with bt.Session(LOCAL) as seeds, contextlib.ExitStack() as stack:
        seed = seeds.add(FEW.metainfo(), tmp_path / "seed", upload_limit=20_000)
        seed.wait("checked", timeout=PATIENCE)
        sessions = [stack.enter_context(bt.Session(LOCAL)) for _ in range(3)]
        clients = [session.add(FEW.metainfo(), tmp_path / str(n)) for n, session in enumerate(sessions)]
        peers = [("127.0.0.1", session.port) for session in (seeds, *sessions)]
        for client in clients:
            for peer in peers:
                client.add_peer(*peer)
        for client in clients:
            client.wait(timeout=PATIENCE)
        assert seed.uploaded <= 2 * FEW.size, "with a slot for each and whole queues it was three times"


def test_a_torrent_is_in_a_session_once(tmp_path: Path) -> None:
    with bt.Session(LOCAL) as session:
        client = session.add(SMALL.metainfo(), tmp_path)
        with pytest.raises(bt.StateError, match="already"):
            session.add(SMALL.metainfo(), tmp_path)
        assert client.state == "active", "the first one lives on"
        client.close()
        session.add(SMALL.metainfo(), tmp_path)


def test_a_closed_session_refuses(tmp_path: Path) -> None:
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


def test_the_port_asked_for_and_the_port_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = LOCAL.replace(port=port)
        with bt.Client(SMALL.metainfo(), tmp_path, settings=settings) as client:
            assert client.port not in (0, port)
        with pytest.raises(bt.ListenError) as caught:
            bt.Client(SMALL.metainfo(), tmp_path, settings=settings.replace(port_strict=True))
        assert str(port) in str(caught.value)
        assert caught.value.errno


def test_the_port_is_closed_when_everything_is_stopped_and_kept_for_later(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, port=free_port()) as client:
        port = client.port
        socket.create_connection(("127.0.0.1", port)).close()
        client.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        client.start()
        assert client.port == port


def test_a_hundred_clients_leave_nothing(tmp_path: Path) -> None:
    before = leaks.snapshot()
    for number in range(100):
        with bt.Client(SMALL.metainfo(), tmp_path / str(number), settings=LOCAL, on_hash_pass=print) as client:
            assert client.state == "active"
    assert leaks.leaks_since(before) == []


def test_an_unclosed_client_warns_and_closes_itself(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
        client.session._loop.call(int)  # the network thread holds nothing of the calls before it any more
        del client
        gc.collect()
    assert [warning.category for warning in caught] == [ResourceWarning]
    assert "unclosed" in str(caught[0].message)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_forgotten_client_leaves_no_thread_and_its_followers_hear_the_end(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    before = leaks.snapshot()
    asked = threading.Semaphore(0)
    peers = [("localhost", 1)]  # a name: a look-up thread
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, peers=peers, on_hash_pass=lambda i: asked.release())
    client.hashcheck(0)
    assert asked.acquire(timeout=PATIENCE)
    names = {thread.name for thread in threading.enumerate()}
    assert {"bittorrent-callbacks", "bittorrent-lookup-1", "bittorrent-net"} <= names
    queue = client.events
    client.session._loop.call(int)
    del client
    while not isinstance(queue.get(timeout=PATIENCE), events.Closed):
        pass
    assert leaks.leaks_since(before) == []


def test_a_client_that_is_being_closed_when_its_session_ends_leaves_no_thread(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    before = leaks.snapshot()
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, on_hash_pass=print) as client:
        client.wait("checked", timeout=PATIENCE)
        assert "bittorrent-callbacks" in {thread.name for thread in threading.enumerate()}
        runtime: Any = client.session

        def end() -> None:
            runtime._shutdown.remove(client._event_dispatcher, PATIENCE)
            runtime._loop.halt()

        runtime._loop.call(end)
        while not isinstance(client.events.get(timeout=PATIENCE), events.Closed):
            pass
    assert leaks.leaks_since(before) == []


def test_what_no_finaliser_saw_is_closed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Runtime, "__del__", lambda self: None)  # as when an interrupt comes at its first line
    before = leaks.snapshot()
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
    client.session._loop.call(int)
    del client
    assert leaks.leaks_since(before) == []


def test_a_shared_session_closes_a_client_that_never_came_to_be(tmp_path: Path) -> None:
    with bt.Session(LOCAL) as session:
        client = session.add(SMALL.metainfo(), tmp_path)
        queue = client.events
        session._clients.clear()  # the interrupt came before the session knew the client
        session._loop.call(int)
        del client
        while not isinstance(queue.get(timeout=PATIENCE), events.Closed):
            pass
        session.add(SMALL.metainfo(), tmp_path).close()


def test_an_interrupted_close_goes_on_and_the_next_waits_for_its_end(tmp_path: Path) -> None:
    waits: List[Optional[float]] = []

    class Interrupting(Latch):
        def wait(self, timeout: Optional[float] = None, cancel: Any = None) -> bool:
            waits.append(timeout)
            if len(waits) == 1:
                raise KeyboardInterrupt
            return super().wait(timeout, cancel)

    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
    thread = client.session._loop._thread
    assert thread is not None
    thread._ended = Interrupting()  # the first thing that a close waits for
    with pytest.raises(KeyboardInterrupt):
        client.close()
    deadline = time.monotonic() + PATIENCE
    while not thread._ended.is_set and time.monotonic() < deadline:
        pass
    assert thread._ended.is_set, "an interrupted close continues without a second call"
    client.close(PATIENCE)
    assert [name for name in names_of_threads() if name.startswith("bittorrent-")] == []
    assert [type(event) for event in client][-1] is events.Closed


def names_of_threads() -> List[str]:
    return sorted(thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("refused", ["bittorrent-net", "bittorrent-disk-1", "bittorrent-disk-3"])
def test_a_thread_that_cannot_be_started_is_an_error_of_ours_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> None:
    real = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == refused:
            raise RuntimeError("can't start new thread")
        real(thread)

    before = leaks.snapshot()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(bt.ThreadError, match=f"cannot start the thread {refused}: can't start") as caught:
            bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, on_hash_pass=print)
    causes = []
    error: Optional[BaseException] = caught.value
    while error is not None:
        causes.append(type(error))
        error = error.__cause__
    assert causes[-1] is RuntimeError
    assert leaks.leaks_since(before) == []


def test_a_callback_without_a_thread_is_told_and_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    SMALL.write(tmp_path)
    real = threading.Thread.start
    refuse = [True]

    def start(thread: threading.Thread) -> None:
        if thread.name == "bittorrent-callbacks" and refuse:
            refuse.pop()
            raise RuntimeError("can't start new thread")
        real(thread)

    seen: List[int] = []
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL, on_hash_pass=seen.append) as client:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            client.hashcheck(0)
        client.hashcheck(1)
    failures = [event.error for event in client if isinstance(event, events.CallbackFailed)]
    assert failures == ["cannot start the thread bittorrent-callbacks: can't start new thread"]
    assert seen == [0, 1]
    assert "waits for a thread" in caplog.text


def test_a_callback_closes_its_session(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    closed = threading.Event()

    def close(index: int) -> None:
        client.session.close(timeout=PATIENCE)
        closed.set()

    client = bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL, on_hash_pass=close)
    began = time.monotonic()
    client.hashcheck(0, wait=False)
    assert closed.wait(PATIENCE)
    assert time.monotonic() - began < PATIENCE / 2
    client.close()
    assert isinstance(list(client)[-1], events.Closed)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_fork_has_a_dead_copy(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        reader, writer = os.pipe()
        check = Hashcheck(client.session._loop.reply(), print)  # one whose answer goes to the parent
        number = client.fileno()
        while client.events.qsize():
            client.events.get()
        child = os.fork()
        if not child:
            try:
                words = []
                words.append("readable" if select.select([number], [], [], 0)[0] else "not readable")
                words.append(type(list(client)[-1]).__name__)
                for verb in (client.start, client.hashcheck, check.wait, client.session.close, client.close):
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
            assert pipe.read() == b"readable Closed SessionClosed SessionClosed SessionClosed done done"
        os.waitpid(child, 0)
        assert client.hashcheck(0).failed == (0,), "the parent's session lives"
        assert select.select([number], [], [], PATIENCE)[0]
        socket.create_connection(("127.0.0.1", client.port)).close()


def test_a_dead_network_thread_wakes_every_waiter_with_the_cause(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
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
    assert caught
    assert "the loop is killed" in str(caught[0])
    with pytest.raises(bt.SessionClosed) as again:
        client.start()
    assert isinstance(again.value.__cause__, (SystemExit, bt.SessionClosed))
    began = time.monotonic()
    client.close(timeout=60)
    assert time.monotonic() - began < 30
    assert isinstance(list(client)[-1], events.Closed)


@pytest.mark.parametrize("where", ["extension_handshake", "publish"])
def test_an_error_in_the_set_up_of_a_peer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    with seeder(tmp_path / "seed") as seed, bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL) as down:
        down.wait("checked", timeout=PATIENCE)
        torrent = down._handle.torrent
        owner: object = torrent.publisher if where == "publish" else torrent
        real = getattr(owner, where)

        def broken(*arguments: object, **options: object) -> object:
            if where == "extension_handshake" or events.PeerConnected in arguments:
                raise ImportError("no module named bencoder")
            return real(*arguments, **options)

        monkeypatch.setattr(owner, where, broken)
        down.add_peer("127.0.0.1", seed.port)
        status = down.wait(lambda status: status.faults > 0 and not status.connected, timeout=PATIENCE)
        assert "the library failed 1 time (last: ImportError: no module named bencoder)" in status.stall
    told = list(down)
    (failure,) = [event for event in told if isinstance(event, events.InternalFailed)]
    assert (failure.reason, failure.count) == ("ImportError: no module named bencoder", 1)
    (closed,) = [event for event in told if isinstance(event, events.PeerClosed)]
    assert closed.reason == "internal error: ImportError: no module named bencoder"
    assert "a callback on the network thread failed" in caplog.text
