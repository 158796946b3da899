"""Hash checks while everything else goes on, and ends in the midst of anything: in time, with nothing false claimed."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Set, Union

import pytest
from support.damage import Watched, indexes, right_pieces
from support.pairs import LOCAL, PATIENCE, checks_held, pair, seeder
from support.system import System
from support.webserver import WebServer, ok, silence

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

MANY = SampleTorrent({"a": 3 * MIB, "b": MIB}, piece_length=32 * KIB, name="many")
LONG = SampleTorrent(32 * MIB, piece_length=16 * KIB, name="long")
ALLOWED = 60.0
"""Seconds that ``stop`` and ``close`` may wait."""
IN_TIME = 6.0
"""Seconds in which anything must be stopped: far below those."""


def test_during_a_download(tmp_path: Path) -> None:
    with pair(tmp_path, MANY, download_limit=MIB // 2) as (_, down):
        watched = Watched(down)
        rounds = 0
        while not down.complete:
            result = down.hashcheck()
            assert len(result.passed) + len(result.failed) == MANY.piece_count
            assert result.error is None
            rounds += 1
            if rounds == 5:
                down.download_limit = 4 * MIB
        assert rounds > 1
        down.wait(timeout=PATIENCE)
        assert not watched.seen(events.StorageFailed)
        assert not watched.seen(events.PeerBanned)
        assert down.downloaded < MANY.size * 1.1, "a check of what is being written makes nothing be fetched again"
    assert MANY.differences(tmp_path / "down") == []


def test_cancelled_during_a_download(tmp_path: Path) -> None:
    with pair(tmp_path, MANY, download_limit=8 * MIB) as (_, down):
        for _ in range(20):
            check = down.hashcheck(wait=False)
            check.cancel()
            assert len(check.wait(PATIENCE).passed) <= MANY.piece_count
        down.wait(timeout=PATIENCE)
    assert MANY.differences(tmp_path / "down") == []


@pytest.mark.parametrize("end", ["stop", "close", "cancel"])
def test_ending_a_hash_check(tmp_path: Path, end: str) -> None:
    LONG.write(tmp_path)
    with bt.Client(LONG.metainfo(), tmp_path, settings=LOCAL) as client:
        began = time.monotonic()
        with checks_held(client.session) if end == "cancel" else contextlib.nullcontext():
            check = client.hashcheck(wait=False)
            if end == "cancel":
                check.cancel()
        if end == "cancel":
            assert check.wait(PATIENCE).cancelled
        else:
            getattr(client, end)(ALLOWED)
        assert time.monotonic() - began < IN_TIME
        if end == "stop":  # a hash check goes on in any state
            assert len(check.wait(PATIENCE).passed) == LONG.piece_count
    with bt.Client(LONG.metainfo(), tmp_path, settings=LOCAL) as client:
        assert client.wait("checked", timeout=PATIENCE).seed


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_file_is_open_after_a_hash_check_of_a_stopped_client(tmp_path: Path) -> None:
    MANY.write(tmp_path)
    with bt.Client(MANY.metainfo(), tmp_path, settings=LOCAL, state="stopped") as client:
        assert client.hashcheck().failed == ()
        client.wait(lambda status: not opened(tmp_path), timeout=PATIENCE)


def opened(folder: Path) -> List[str]:
    """What this process has open below a folder."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return [path for path in found if path.startswith(str(folder))]


def reached(goal: int, status: bt.Status) -> bool:
    """So many bytes were downloaded, or all."""
    return status.downloaded >= goal or status.complete


def nothing(client: bt.Client) -> None:
    """Whatever goes on."""


def check(client: bt.Client) -> None:
    client.hashcheck(wait=False)


def flap(client: bt.Client) -> None:
    for _ in range(3):
        client.stop(0)
        client.start()


def choose(client: bt.Client) -> None:
    client.set_priorities({0: 0})
    client.set_priorities({0: 1, 1: 0})


def ask(client: bt.Client) -> None:
    assert client.piece_cache is not None


MIDST: Dict[str, Callable[[bt.Client], None]] = {
    action.__name__: action for action in (nothing, check, flap, choose, ask)
}


@pytest.mark.parametrize("shared", [False, True], ids=["own session", "shared session"])
@pytest.mark.parametrize("midst", MIDST)
def test_closing_in_the_midst(tmp_path: Path, midst: str, shared: bool) -> None:
    moments = random.Random(midst)
    present: Set[int] = set()
    with seeder(tmp_path / "seed", MANY) as seed:
        for _ in range(2):
            session = bt.Session(LOCAL)
            options = {"session": session} if shared else {"settings": LOCAL}
            client = bt.Client(
                MANY.metainfo(), tmp_path / "down", peers=[("127.0.0.1", seed.port)], download_limit=12 * MIB, **options
            )
            goal = moments.randrange(0, 2 * MIB)
            client.wait(functools.partial(reached, goal), timeout=PATIENCE)
            MIDST[midst](client)
            began = time.monotonic()
            client.close(ALLOWED)
            session.close(ALLOWED)
            assert time.monotonic() - began < IN_TIME
            claimed = set(indexes(client.status().bitfield))
            right = set(right_pieces(MANY, tmp_path / "down"))
            assert present <= right
            assert claimed <= right
            present = right
        with bt.Client(MANY.metainfo(), tmp_path / "down", settings=LOCAL, peers=[("127.0.0.1", seed.port)]) as client:
            client.wait(timeout=PATIENCE)
            assert client.downloaded <= MANY.size - len(present) * MANY.piece_length + 2 * MIB
    assert MANY.differences(tmp_path / "down") == []


def test_closing_while_others_wait_and_check(tmp_path: Path) -> None:
    MANY.write(tmp_path)
    client = bt.Client(MANY.metainfo(), tmp_path, settings=LOCAL)
    outcomes: List[Union[bt.HashcheckResult, bt.SessionClosed]] = []

    def use() -> None:
        try:
            while True:
                outcomes.append(client.hashcheck(range(100)))
        except bt.SessionClosed as error:
            outcomes.append(error)

    users = [threading.Thread(target=use) for _ in range(3)]
    for user in users:
        user.start()
    client.wait(lambda status: len(outcomes) > 3, timeout=PATIENCE)
    client.close()
    for user in users:
        user.join(PATIENCE)
    assert [type(outcome) for outcome in outcomes].count(bt.SessionClosed) == 3


# -- in the midst of a move ------------------------------------------------------------------------------------------


class Slow:
    """The disk of the sessions made from now on: nothing can be linked, as between two file systems, writes crawl."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        system = System()
        system.fail("link", errno.EXDEV)
        system.use("pwritev", self._write)
        monkeypatch.setattr("bittorrent_threads.runtime.Disk", functools.partial(Disk, system=system))
        self.begun = threading.Event()
        self.over = threading.Event()
        """Writes are as fast as they can be again."""

    def _write(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        self.begun.set()
        self.over.wait(0.2)  # of LONG more than six seconds in all
        return os.pwritev(fd, buffers, offset)


class Mover(threading.Thread):
    """Moves the files of a client; ``error`` is what it raised."""

    def __init__(self, client: bt.Client, folder: Path) -> None:
        super().__init__()
        self.error: Optional[bt.BitTorrentError] = None
        self._client = client
        self._folder = folder
        self.start()

    def run(self) -> None:
        try:
            self._client.move(self._folder)
        except bt.BitTorrentError as error:
            self.error = error


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


def whole_only_at(folder: Path, other: Path) -> None:
    """Nothing is lost and nothing is left behind, and a new client knows it without hashing."""
    assert LONG.differences(folder) == []
    assert not [path for path in other.rglob("*") if path.is_file()]
    with bt.Client(LONG.metainfo(), folder, settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        assert not Watched(client).seen(events.HashcheckFinished)


@pytest.mark.parametrize("shared", [False, True], ids=["own session", "shared session"])
def test_closing_in_the_midst_of_a_move(tmp_path: Path, slow: Slow, shared: bool) -> None:
    with bt.Session(LOCAL) as session:
        options = {"session": session} if shared else {"settings": LOCAL}
        client = bt.Client(LONG.metainfo(), LONG.write(tmp_path / "old"), **options)
        client.wait("seed", timeout=PATIENCE)
        mover = Mover(client, tmp_path / "new")
        assert slow.begun.wait(PATIENCE)
        began = time.monotonic()
        client.close(ALLOWED)
        assert time.monotonic() - began < IN_TIME
        mover.join(PATIENCE)
        assert isinstance(mover.error, (bt.SessionClosed, bt.StorageError))
    whole_only_at(tmp_path / "old", tmp_path / "new")


def test_stopping_in_the_midst_of_a_move(tmp_path: Path, slow: Slow) -> None:
    with bt.Client(LONG.metainfo(), LONG.write(tmp_path / "old"), settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        mover = Mover(client, tmp_path / "new")
        assert slow.begun.wait(PATIENCE)
        began = time.monotonic()
        client.stop(0.5)
        assert 0.5 <= time.monotonic() - began < IN_TIME
        assert client.state == "stopped"
        assert mover.is_alive(), "a move goes on in any state"
        slow.over.set()
        mover.join(PATIENCE)
        assert mover.error is None
        assert client.basedir == str(tmp_path / "new")
    whole_only_at(tmp_path / "new", tmp_path / "old")


def test_a_move_that_takes_too_long(tmp_path: Path, slow: Slow) -> None:
    with bt.Client(LONG.metainfo(), LONG.write(tmp_path / "old"), settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        for timeout in (0.5, 2, 8):
            began = time.monotonic()
            with pytest.raises(bt.WaitTimeout):
                client.move(tmp_path / "new", timeout=timeout)
            assert len(client.hashcheck(0).passed) == 1, "it waits until the move is undone"
            assert time.monotonic() - began < timeout + IN_TIME
            if slow.begun.is_set():
                break
        assert slow.begun.is_set()
        assert client.basedir == str(tmp_path / "old")
    whole_only_at(tmp_path / "old", tmp_path / "new")


# -- with a tracker that does not answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["stop", "close"])
@pytest.mark.parametrize("answers", [[], [ok(b"d8:intervali1800e5:peers0:e")]], ids=["never", "no longer"])
@pytest.mark.parametrize("limit", ["announce", "call"])
def test_a_tracker_that_never_answers(tmp_path: Path, end: str, answers: List[bytes], limit: str) -> None:
    MANY.write(tmp_path)
    for timeouts in (1.0, 5.0):  # on a busy machine a second may be over before anything was sent
        settings = LOCAL.replace(stop_announce_timeout=timeouts if limit == "announce" else ALLOWED)
        options = {"timeout": ALLOWED if limit == "announce" else timeouts}
        with WebServer(*answers, silence) as server, contextlib.ExitStack() as stack:
            client = bt.Client(MANY.metainfo([server.url()]), tmp_path, settings=settings)
            stack.callback(client.close, timeout=0.1)
            client.wait(lambda status: bool(server.requests), timeout=PATIENCE)
            if answers:
                assert Watched(client).happened(events.TrackerAnnounced)
            began = time.monotonic()
            getattr(client, end)(**options)
            assert time.monotonic() - began < timeouts + IN_TIME
        if len(server.requests) > 1:
            break
    assert len(server.requests) == 2
    assert b"event=stopped" in server.requests[1]
