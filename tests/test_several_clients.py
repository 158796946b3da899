"""Waits for several clients in one thread, over real sockets."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads.several_clients import RETURN_WHEN
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

SAMPLES = [
    SampleTorrent({f"{name}.bin": 200_000}, piece_length=16 * KIB, name=name) for name in ("one", "two", "three")
]


@contextlib.contextmanager
def downloaders(tmp_path: Path, **options: Any) -> Iterator[List[bt.Client]]:
    """Three stopped clients, the first two of one session, of torrents that a fourth session seeds."""
    with bt.Session(LOCAL) as seeding, bt.Session(LOCAL) as session, bt.Session(LOCAL) as other:
        clients = []
        for index, sample in enumerate(SAMPLES):
            sample.write(tmp_path / "seed")
            seed = seeding.add(sample.metainfo(), tmp_path / "seed")
            seed.wait("seed", timeout=PATIENCE)
            given: Any = {"peers": [("127.0.0.1", seeding.port)], "state": "stopped", **options}
            clients.append((other if index == 2 else session).add(sample.metainfo(), tmp_path / "down", **given))
        yield clients


def start(clients: List[bt.Client]) -> None:
    for client in clients:
        client.start()


def test_all(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        start(clients)
        result = bt.wait_all([*clients, clients[0]], timeout=PATIENCE)
        assert (result.done, result.not_done, result.errors) == (tuple(clients), (), {})
        result.check()
        assert all(client.complete for client in clients)
        assert bt.wait_all(iter(clients), "seed", timeout=0).done == tuple(clients)
        assert not any(client._handle.changed for client in clients), "no latch is left"


def test_none() -> None:
    assert bt.wait_all([]) == ((), (), {})
    assert list(bt.as_completed([])) == []


def test_as_they_are_complete(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        outcomes = bt.as_completed(clients, timeout=PATIENCE)
        for client in reversed(clients):
            client.start()
            outcome = next(outcomes)
            assert (outcome.client, outcome.error) == (client, None)
            assert outcome.status.complete
        assert list(outcomes) == []


def test_those_that_fail_are_told_and_the_others_go_on(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        first, closed, stalling = clients
        closed.close()
        first.start()
        result = bt.wait_all(clients, timeout=PATIENCE, stall_timeout=1)
        assert (result.done, result.not_done) == ((first,), (closed, stalling))
        assert isinstance(result.errors[closed], bt.SessionClosed)
        assert isinstance(result.errors[stalling], bt.Stalled)
        assert str(result.errors[stalling]) == "'three' made no progress for 1 s: the torrent is stopped"
        with pytest.raises(bt.SessionClosed, match="the client was closed before 'two' was complete"):
            result.check()
        errors = {outcome.client: outcome.error for outcome in bt.as_completed(clients, stall_timeout=0.1)}
        assert errors[first] is None
        assert (type(errors[closed]), type(errors[stalling])) == (bt.SessionClosed, bt.Stalled)


def test_one_that_is_closed_meanwhile(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        closing = threading.Thread(target=clients[1].close)
        outcomes = bt.as_completed(clients)
        closing.start()
        outcome = next(outcomes)
        closing.join()
        assert (outcome.client, type(outcome.error)) == (clients[1], bt.SessionClosed)


@pytest.mark.parametrize("return_when", RETURN_WHEN)
def test_when_it_returns(tmp_path: Path, return_when: str) -> None:
    assert return_when == getattr(concurrent.futures, return_when)
    with downloaders(tmp_path) as clients:
        first, failing, _ = clients
        first.start()
        first.wait(timeout=PATIENCE)
        failing.close()
        result = bt.wait_all(
            clients if return_when != "FIRST_COMPLETED" else clients[::2], timeout=0.5, return_when=return_when
        )
        assert result.done == (first,)
        if return_when == "ALL_COMPLETED":
            assert set(result.errors) == {failing, clients[2]}
            assert isinstance(result.errors[clients[2]], bt.WaitTimeout)
        else:
            assert clients[2] in result.not_done
            assert set(result.errors) <= {failing}


def test_the_time_limit_names_who_is_late(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        clients[0].start()
        began = time.monotonic()
        outcomes = bt.as_completed(clients, timeout=1.5)
        assert next(outcomes).client is clients[0]
        with pytest.raises(TimeoutError) as caught:
            next(outcomes)
        assert time.monotonic() - began >= 1.5
        assert str(caught.value) == (
            "'two' was not complete after 1.5 s: the torrent is stopped; "
            "'three' was not complete after 1.5 s: the torrent is stopped"
        )


def test_it_sleeps_while_nothing_changes(tmp_path: Path) -> None:
    looks: List[str] = []

    def condition(status: bt.Status) -> bool:
        looks.append(status.name)
        return False

    with downloaders(tmp_path) as clients:
        bt.wait_all(clients, condition, timeout=1)
        assert len(looks) <= 3 * 6, "a function is called four times a second, and at the end"
        looks.clear()
        clients[1].stop()
        bt.wait_all(clients, timeout=0.5)
        assert looks == []


def test_conditions_of_each(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        start(clients)
        assert bt.wait_all(clients, 0.5, timeout=PATIENCE).not_done == ()
        assert bt.wait_all(clients[:1], Path("one.bin"), timeout=PATIENCE).done == (clients[0],)
        assert bt.wait_all(clients[:1], clients[0].files[0], timeout=PATIENCE).done == (clients[0],)
        with pytest.raises(ValueError, match="is a file of another client"):
            bt.wait_all(clients, clients[0].files[0])
        with pytest.raises(FileNotFoundError):
            bt.wait_all(clients, Path("one.bin"))


def test_what_is_no_client(tmp_path: Path) -> None:
    options: Any = {"settings": LOCAL, "state": "stopped"}
    wrong: Any = ["a.torrent"]
    with bt.Client(SMALL.metainfo(), tmp_path, **options) as client:
        one: Any = client
        for call in (bt.wait_all, bt.as_completed):
            with pytest.raises(TypeError, match=r"put the one into a list, or call its wait\(\)"):
                call(one)
            with pytest.raises(TypeError, match="clients must be clients, not 'a.torrent'"):
                call(wrong)
            with pytest.raises(ValueError, match="until 'forever'"):
                call([client], "forever")
            with pytest.raises(ValueError, match="timeout must be 0 seconds or more"):
                call([client], timeout=-1)
        with pytest.raises(ValueError, match="return_when 'SOMETIMES' is none of ALL_COMPLETED"):
            bt.wait_all([client], return_when="SOMETIMES")


def test_another_thread_cancels(tmp_path: Path) -> None:
    cancel = threading.Event()
    with downloaders(tmp_path) as clients:
        timer = threading.Timer(0.1, cancel.set)
        timer.start()
        with pytest.raises(bt.Cancelled):
            bt.wait_all(clients, cancel=cancel)
        timer.join()
        with pytest.raises(bt.Cancelled):
            list(bt.as_completed(clients, cancel=cancel))
        assert not any(client._handle.changed for client in clients), "no latch is left"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_the_clients_usable(tmp_path: Path) -> None:
    with downloaders(tmp_path) as clients:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            bt.wait_all(clients)
        timer.join()
        start(clients)
        assert bt.wait_all(clients, timeout=PATIENCE).not_done == ()


def test_metadata_of_several_magnet_links(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed, bt.Session(LOCAL) as session:
        magnet = f"magnet:?xt=urn:btih:{SMALL.infohash.hex()}"
        found = session.add(magnet, tmp_path / "a", peers=[("127.0.0.1", seed.port)])
        missing = session.add(f"magnet:?xt=urn:btih:{'0' * 39}1", tmp_path / "b")
        result = bt.wait_all([missing, found], "metadata", timeout=PATIENCE, stall_timeout=2)
        assert (result.done, result.not_done) == ((found,), (missing,))
        assert isinstance(result.errors[missing], bt.Stalled)
