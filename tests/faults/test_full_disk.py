"""A full disk: told with path and errno, nothing more is asked for, what is there is served, room is noticed."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from support.damage import Watched, indexes, mounted, right_pieces
from support.loopback import run_child
from support.pairs import LOCAL, PATIENCE, let_pass, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.testing.sample_torrent import KIB, MIB, SampleTorrent

LARGE = SampleTorrent({"a": 2 * MIB, "b": 3 * MIB}, piece_length=64 * KIB, name="large")
OTHER = SampleTorrent({"c": 300 * KIB}, piece_length=32 * KIB, name="other")

TWO_TORRENTS = LOCAL.replace(disk_retry_interval=0.5, disk_retry_max=0.5)


@contextlib.contextmanager
def both_seeded(folder: Path) -> Iterator[Tuple[int, int]]:
    """The ports of a seeder of each torrent."""
    with seeder(folder / "seed", LARGE) as large, seeder(folder / "seed", OTHER) as other:
        yield large.port, other.port


def served(client: bt.Client, folder: Path) -> bt.Status:
    """All that a client has, fetched by another."""
    have = client.status().bitfield
    with bt.Client(
        LARGE.metainfo(), folder, settings=LOCAL, peers=[("127.0.0.1", client.port)], resume=False
    ) as leecher:
        return leecher.wait(lambda status: set(indexes(have)) <= set(indexes(status.bitfield)), timeout=PATIENCE)


def quiet(status: bt.Status) -> bool:
    """The disk failed, and no peer is asked for anything."""
    return bool(status.error and status.peers) and not any(peer.requests for peer in status.peers)


def exercise(torrent: bytes, folder: Path, ports: Tuple[int, int], number: int, others: Path) -> Iterator[None]:
    """Fill the disk at ``folder``, made larger when this yields; the torrent in ``others`` is not concerned.

    In order, for the first piece chosen at random may lie where nothing can be written, and none would be had.
    """
    patient = LOCAL.replace(disk_retry_interval=60.0)
    with bt.Session(patient) as session:
        client = session.add(torrent, folder, peers=[("127.0.0.1", ports[0])], sequential=True)
        watched = Watched(client)
        failed = watched.happened(events.StorageFailed)
        assert failed.errno == number
        assert failed.path.startswith(str(folder / "large"))
        assert failed.retry_in == 60.0
        have = client.wait(quiet, timeout=PATIENCE)
        assert 0 < have.pieces_have < LARGE.piece_count
        with session.add(OTHER.metainfo(), others, peers=[("127.0.0.1", ports[1])]) as other:
            other.wait(timeout=PATIENCE)
        assert served(client, others).pieces_have == have.pieces_have
        assert client.downloaded == have.downloaded, "nothing was asked for meanwhile"
        assert indexes(client.bitfield) == [i for i in right_pieces(LARGE, folder) if i in indexes(client.bitfield)]
        yield
        let_pass(session, 60.0)
        client.wait(timeout=PATIENCE)
        assert watched.happened(events.StorageRecovered)
        assert not client.status().error
        assert not watched.seen(events.PieceFailed)
        assert not watched.seen(events.PeerBanned)
    assert LARGE.differences(folder) == []
    assert OTHER.differences(others) == []


CHILD = """
    import errno, resource, sys
    from pathlib import Path
    import importlib.util

    spec = importlib.util.spec_from_file_location("test_full_disk", sys.argv[1])
    test = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(test)
    folder = Path(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024 * 1024 + 10_000, most))
    ports = int(sys.argv[3]), int(sys.argv[4])
    for _ in test.exercise(test.LARGE.metainfo(), folder / "full", ports, errno.EFBIG, folder / "roomy"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    print("recovered")
"""


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    with both_seeded(tmp_path) as ports:
        assert run_child(CHILD.replace("\n    ", "\n"), __file__, str(tmp_path), *map(str, ports)) == "recovered\n"


def test_a_file_system_without_room(tmp_path: Path) -> None:
    with both_seeded(tmp_path) as ports, mounted(tmp_path / "full", size=8 * MIB) as folder:
        filler = folder / "filler"
        filler.write_bytes(bytes(6 * MIB))
        for _ in exercise(LARGE.metainfo(), folder, ports, errno.ENOSPC, tmp_path / "roomy"):
            filler.unlink()


def test_stopping_on_a_full_disk_is_prompt_and_claims_nothing_false(tmp_path: Path) -> None:
    with both_seeded(tmp_path) as ports, mounted(tmp_path / "full", size=2 * MIB) as folder:
        peers = [("127.0.0.1", ports[0])]
        with bt.Client(LARGE.metainfo(), folder, settings=TWO_TORRENTS, peers=peers) as client:
            Watched(client).happened(events.StorageFailed)
            client.stop()
            cache = client.piece_cache
        present = set(right_pieces(LARGE, folder))
        assert set(indexes(client.bitfield)) <= present
        with bt.Client(LARGE.metainfo(), folder, settings=LOCAL, piece_cache=cache or None, resume=False) as again:
            assert set(indexes(again.wait("checked", timeout=PATIENCE).bitfield)) <= present


@pytest.mark.parametrize("priorities", [[1, 1], [0, 1]])
def test_room_that_comes_and_goes(tmp_path: Path, priorities: List[int]) -> None:
    with both_seeded(tmp_path) as ports, mounted(tmp_path / "full", size=8 * MIB) as folder:
        filler = folder / "filler"
        filler.write_bytes(bytes(7 * MIB))
        peers = [("127.0.0.1", ports[0])]
        with bt.Client(LARGE.metainfo(), folder, settings=TWO_TORRENTS, peers=peers, priorities=priorities) as client:
            watched = Watched(client)
            watched.happened(events.StorageFailed)
            os.truncate(filler, 6 * MIB)
            client.wait(lambda status: len(watched.seen(events.StorageFailed)) > 1, timeout=PATIENCE)
            filler.unlink()
            client.wait(timeout=PATIENCE)
            assert set(indexes(client.bitfield)) >= set(right_pieces(LARGE, folder))


def test_a_disk_too_small_for_all_files_is_told_before_anything_is_asked_for(tmp_path: Path) -> None:
    with both_seeded(tmp_path) as ports, mounted(tmp_path / "full", size=4 * MIB) as folder:
        peers = [("127.0.0.1", ports[0])]
        with bt.Client(LARGE.metainfo(), folder, settings=TWO_TORRENTS, peers=peers, allocate="full") as client:
            failed = Watched(client).happened(events.StorageFailed)
            assert (failed.errno, failed.path) == (errno.ENOSPC, str(folder / "large" / "b"))
            client.wait(lambda status: bool(status.peers), timeout=PATIENCE)
            assert client.downloaded == 0
        with pytest.raises(bt.StorageError) as caught:
            bt.download(LARGE.metainfo(), folder, settings=LOCAL, peers=peers, allocate="full", timeout=PATIENCE)
        assert caught.value.errno == errno.ENOSPC
