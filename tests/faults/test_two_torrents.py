"""Two torrents that have a file of one name, in one folder: it is one torrent's, and the other is told so at once."""

from __future__ import annotations

import contextlib
import errno
import random
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from support.children import Child
from support.content import KIB, Content
from support.damage import Watched
from support.pairs import LOCAL, PATIENCE, seeder

import bittorrent_threads as bt
from bittorrent_threads import events

NIMBLE = LOCAL.replace(disk_retry_interval=0.1, disk_retry_max=0.2)
ONE = Content.of("album", {"cover.jpg": 100 * KIB, "1.mp3": 200 * KIB}, 16 * KIB)


class Other(Content):
    """Files of the same names with other bytes."""

    def data(self, path: str) -> bytes:
        return random.Random(f"other/{path}").randbytes(dict(self.files)[path])


TWO = Other.of("album", {"cover.jpg": 90 * KIB, "2.mp3": 150 * KIB}, 16 * KIB)
COVER = "album/cover.jpg"


@contextlib.contextmanager
def swarm(tmp_path: Path) -> Iterator[Tuple[Any, Any]]:
    """A seed of each; what a client of each is to be given."""
    with seeder(tmp_path / "one", ONE) as one, seeder(tmp_path / "two", TWO) as two:
        yield (
            (ONE.metainfo(), {"peers": [("127.0.0.1", one.port)]}),
            (TWO.metainfo(), {"peers": [("127.0.0.1", two.port)]}),
        )


@pytest.mark.parametrize("sessions", [1, 2])
def test_the_second_is_told_whose_the_file_is(tmp_path: Path, sessions: int) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (first, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        made = [stack.enter_context(bt.Session(NIMBLE)) for _ in range(sessions)]
        one = made[0].add(first, folder, **to_first)
        one.wait(timeout=PATIENCE)
        two = made[-1].add(second, folder, **to_second)
        failed = Watched(two).happened(events.StorageFailed)
        assert (failed.errno, failed.path) == (errno.EBUSY, str(folder / COVER))
        assert "another torrent" in failed.reason and ONE.infohash.hex() in failed.reason
        assert not two.status().pieces_have and not (folder / "album" / "2.mp3").exists()
        assert ONE.differences(folder) == [] and one.seed
        one.close()
        # Now the file is nobody's, and holds nothing of the second: it is not overwritten all the same.
        Watched(two).happened(events.StorageFailed)
        assert ONE.differences(folder) == []


def test_at_the_same_moment_one_gets_it(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        swarms = stack.enter_context(swarm(tmp_path))
        clients = [
            stack.enter_context(bt.Client(torrent, folder, settings=NIMBLE, **options)) for torrent, options in swarms
        ]
        watched = [Watched(client) for client in clients]

        def decided(status: Any) -> bool:
            told = any([seen.seen(events.StorageFailed) for seen in watched])
            return told and any(client.complete for client in clients)

        clients[0].wait(decided, timeout=PATIENCE)
        assert [client.complete for client in clients].count(True) == 1
        winner = ONE if clients[0].complete else TWO
        assert winner.differences(folder) == []


HOLDER = """
    import sys
    import bittorrent_threads as bt

    settings = bt.Settings(host="127.0.0.1")
    with bt.Client(sys.argv[1], sys.argv[2], settings=settings, peers=[("127.0.0.1", int(sys.argv[3]))]) as client:
        client.wait(timeout=30)
        print("complete", flush=True)
        sys.stdin.read()
"""


def test_another_process_is_told_too_until_the_first_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (_, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        child = stack.enter_context(Child(HOLDER, ONE.torrent(tmp_path), folder, to_first["peers"][0][1]))
        child.line()
        two = stack.enter_context(bt.Client(second, folder, settings=NIMBLE, **to_second))
        failed = Watched(two).happened(events.StorageFailed)
        assert failed.errno == errno.EBUSY and f"process {child._process.pid}" in failed.reason
        child.kill()
        child._process.wait()
        (folder / COVER).unlink()
        two.wait(timeout=PATIENCE)
        assert all("1.mp3 should not be there" in difference for difference in TWO.differences(folder))


def test_the_same_content_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    with contextlib.ExitStack() as stack:
        (first, to_first), _ = stack.enter_context(swarm(tmp_path))
        waiting = stack.enter_context(bt.Client(first, folder, settings=NIMBLE))
        Watched(waiting).happened(events.StateChanged)
        waiting.wait(lambda status: (folder / COVER).exists(), timeout=PATIENCE)
        other = stack.enter_context(bt.Client(first, folder, settings=NIMBLE, **to_first))
        Watched(other).happened(events.StorageFailed)
        assert "the same content" in other.status().error
        waiting.close()
        other.wait(timeout=PATIENCE)
        again = stack.enter_context(bt.Client(first, folder, settings=NIMBLE))
        again.wait(timeout=PATIENCE)
        assert again.seed and other.seed and again.downloaded == 0


def test_neither_moved_nor_renamed_onto_it(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        (first, to_first), (second, to_second) = stack.enter_context(swarm(tmp_path))
        session = stack.enter_context(bt.Session(NIMBLE))
        one = session.add(first, tmp_path / "both", **to_first)
        two = session.add(second, tmp_path / "aside", **to_second)
        one.wait(timeout=PATIENCE)
        two.wait(timeout=PATIENCE)
        with pytest.raises(bt.StorageError) as caught:
            two.move(tmp_path / "both")
        assert caught.value.errno == errno.EBUSY and caught.value.path == str(tmp_path / "both" / COVER)
        two.files[0].rename("album/cover of two.jpg")
        two.move(tmp_path / "both")
        with pytest.raises(bt.StorageError) as caught:
            two.files[0].rename("album/1.mp3")
        assert caught.value.errno == errno.EBUSY
        assert ONE.path(tmp_path / "both", "1.mp3").read_bytes() == ONE.data("1.mp3")


def test_a_piece_found_wrong_takes_complete_back_at_once(tmp_path: Path) -> None:
    """Whoever reads the status after the failure was told never sees a seed."""
    with contextlib.ExitStack() as stack:
        (first, to_first), _ = stack.enter_context(swarm(tmp_path))
        one = stack.enter_context(bt.Client(first, tmp_path / "both", settings=NIMBLE, **to_first))
        one.wait(timeout=PATIENCE)
        seen: List[bool] = []
        watched = Watched(one)
        path = tmp_path / "both" / COVER
        path.write_bytes(bytes(len(path.read_bytes())))
        down = stack.enter_context(
            bt.Client(first, tmp_path / "down", settings=NIMBLE, peers=[("127.0.0.1", one.port)])
        )
        watched.happened(events.StorageFailed)
        seen.append(one.seed)
        assert seen == [False] and not down.seed
