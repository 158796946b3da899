"""SIGKILL in the middle of a move to another file system: every file is whole at one of the places, or at both."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import List

import pytest
from support.children import Child
from support.damage import mounted, right_pieces
from support.pairs import LOCAL, PATIENCE

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing.sample_torrent import MIB, SampleTorrent

ROUNDS = 6
SYNCED = LOCAL.replace(sync_at_close=True)
"""What is not synced is hashed on another disk."""
MOVED = SampleTorrent({"a": 24 * MIB, "sub/b": 24 * MIB, "empty": 0, "c": 24 * MIB}, piece_length=1 * MIB, name="moved")

MOVER = """
    import functools, itertools, os, signal, sys
    import bittorrent_threads as bt
    from bittorrent_threads import runtime
    from bittorrent_threads.disk.disk import Disk
    from support.system import System

    writes = itertools.count()

    def write(*arguments):
        if next(writes) == int(sys.argv[4]):
            os.kill(os.getpid(), signal.SIGKILL)
        return os.pwritev(*arguments)

    system = System()
    runtime.Disk = functools.partial(Disk, system=system)
    client = bt.Client(sys.argv[1], sys.argv[2], settings=bt.Settings(host="127.0.0.1"))
    client.wait("seed")
    print("moving", flush=True)
    system.use("pwritev", write)
    client.move(sys.argv[3])
    print("moved", flush=True)
    sys.stdin.read()
"""


def whole(folder: Path) -> bool:
    return len(right_pieces(MOVED, folder)) == MOVED.piece_count


@pytest.mark.timeout(240)
def test_kills_in_the_middle_of_a_move(tmp_path: Path) -> None:
    torrent, chance = MOVED.write_torrent(tmp_path), random.Random("move")
    MOVED.write(tmp_path / "here")
    with bt.Client(torrent, tmp_path / "here", settings=SYNCED) as client:
        client.wait("seed", timeout=PATIENCE)
    with mounted(tmp_path / "there", size=160 * MIB) as there:
        old, new = tmp_path / "here", there
        halfway = 0
        for number in range(ROUNDS):
            # Every other round at some time, be it when all is over; and else at some write of the move.
            last_write = chance.randrange(5, 60) if number % 2 else -1
            with Child(MOVER, torrent, old, new, last_write) as child:
                assert child.line() == "moving"
                timer = threading.Timer(chance.uniform(0.0, 0.12) if last_write < 0 else PATIENCE, child.kill)
                timer.start()
                said = list(child.lines())
                timer.cancel()
                timer.join()
            if said or not whole(old):
                assert whole(new), "whole at the new place before anything is removed from the old"
                old, new = new, old
            else:
                halfway += any(new.rglob("*"))
            with bt.Client(torrent, old, settings=SYNCED) as client:
                client.wait("seed", timeout=PATIENCE)
                assert not {events.HashcheckFinished} & {type(event) for event in taken(client)}
        with bt.Client(torrent, old, settings=SYNCED) as client:
            client.wait("seed", timeout=PATIENCE)
            client.move(new)
        assert MOVED.differences(new) == []
        assert not (old / "moved").exists()
        assert halfway, "some were killed before the switch"


def taken(client: bt.Client) -> List[bt.events.Event]:
    client.close()
    return list(client)
