"""Resume data: garbled, cut, of another torrent or version it is never believed; good, it spares needless hashing."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from support.damage import Watched, indexes, inverted, right_pieces
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder
from support.system import System

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_file import ResumeFile
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

MAGIC = b"bittorrent_threads resume\n"
NAME = f"{SMALL.infohash.hex()}.resume"


def sealed(plain: Dict[str, Any]) -> bytes:
    """Resume data as it is on disk."""
    body = json.dumps(plain).encode()
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def plain(data: bytes) -> Dict[str, Any]:
    """What resume data says."""
    found: Dict[str, Any] = json.loads(data.split(b"\n", 2)[2])
    return found


def stored(folder: Path) -> Path:
    return folder / HIDDEN_FOLDER / NAME


@pytest.fixture
def complete(tmp_path: Path) -> Path:
    """The folder of a download that is complete and was closed."""
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
    return tmp_path / "down"


def hashed(client: bt.Client, watched: Watched) -> List[int]:
    """The pieces that were hashed at the start."""
    client.wait("checked", timeout=PATIENCE)
    client.close()
    passed = [event.index for event in watched.seen(events.PiecePassed)]
    return sorted([*passed, *(event.index for event in watched.seen(events.PieceFailed))])


# -- what is on disk ---------------------------------------------------------------------------------------------------


def test_every_byte_garbled_and_every_length(tmp_path: Path) -> None:
    metainfo = bt.Metainfo.parse(SMALL.metainfo())
    keeper = ResumeFile(Folder(str(tmp_path)), ("a.resume",))
    stat = FileStat(300_001, 1, 2)
    resume = Resume(metainfo.infohash, b"\xf0\x00", (stat, stat, stat), None, ((5, b"\x80"),), True)
    keeper.store(resume)
    path = tmp_path / "a.resume"
    good = path.read_bytes()
    assert keeper.load(metainfo) == (resume, ())
    for at in range(len(good)):
        for bits in (0x01, 0x80, 0xFF):
            path.write_bytes(good[:at] + bytes([good[at] ^ bits]) + good[at + 1 :])
            found, reasons = keeper.load(metainfo)
            assert found is None
            assert len(reasons) == 1
            assert str(path) in reasons[0], at
        path.write_bytes(good[:at])
        found, reasons = keeper.load(metainfo)
        assert found is None
        assert len(reasons) == 1, at
    path.write_bytes(good + b" ")
    assert keeper.load(metainfo)[0] is None


SPOILERS: Dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "garbled": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "noise": lambda data: os.urandom(5000),
    "of another torrent": lambda data: sealed({**plain(data), "infohash": "ab" * 20}),
    "from the future": lambda data: sealed({**plain(data), "version": 2}),
    "of other files": lambda data: sealed({**plain(data), "files": []}),
    "deep": lambda data: MAGIC + hashlib.sha256(b"[" * 9999).hexdigest().encode() + b"\n" + b"[" * 9999,
}


def fetched(seed: bt.Client, folder: Path) -> bt.Status:
    """See that a peer gets from a client all that it has and nothing that is wrong; the status of the peer."""
    peers = [("127.0.0.1", seed.port)]
    with bt.Client(SMALL.metainfo(), folder, settings=LOCAL, peers=peers) as peer:
        watched = Watched(peer)
        peer.wait(lambda status: status.bitfield == seed.bitfield, timeout=PATIENCE)
        assert not watched.seen(events.PieceFailed)
        assert not watched.seen(events.PeerBanned)
        status = peer.status()
    assert right_pieces(SMALL, folder) == indexes(status.bitfield)
    return status


@pytest.mark.parametrize("how", SPOILERS)
def test_wrong_data_beside_what_cannot_be_used_reaches_nobody(complete: Path, tmp_path: Path, how: str) -> None:
    spoiled = SPOILERS[how](stored(complete).read_bytes())
    path = SMALL.path(complete, "a.bin")
    stat = path.stat()
    with open(path, "r+b") as file:
        file.seek(100_000)
        file.write(inverted(SMALL.data("a.bin")[100_000:150_000]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # only a hash can tell
    for path in (stored(complete), stored(complete).with_name(NAME + ".bak")):
        path.write_bytes(spoiled)
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        status = fetched(client, tmp_path / "peer")
        assert indexes(status.bitfield) == [0, 1, 2, *range(5, 13)], "3 and 4 are wrong"
        assert status.downloaded == SMALL.size - 2 * 32 * KIB
        assert status.wasted == 0


@pytest.mark.parametrize("how", SPOILERS)
def test_what_cannot_be_used_is_told_and_the_data_hashed(complete: Path, how: str) -> None:
    spoiled = SPOILERS[how](stored(complete).read_bytes())
    for path in (stored(complete), stored(complete).with_name(NAME + ".bak")):
        path.write_bytes(spoiled)
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        ignored = watched.happened(events.ResumeIgnored)
        assert len(ignored.reasons) == 2
        assert all(HIDDEN_FOLDER in reason for reason in ignored.reasons)
        assert hashed(client, watched) == list(range(SMALL.piece_count))
        assert client.downloaded == 0
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:  # it was written anew
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == []
        assert not watched.seen(events.ResumeIgnored)


def test_the_one_before_is_used(complete: Path) -> None:
    path = stored(complete)
    good = path.read_bytes()
    path.with_name(NAME + ".bak").write_bytes(good)
    path.write_bytes(good[:100])
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert len(watched.happened(events.ResumeIgnored).reasons) == 1
        assert hashed(client, watched) == []


def test_a_file_changed_meanwhile_is_not_believed(complete: Path) -> None:
    path = SMALL.path(complete, "a.bin")
    path.write_bytes(bytes(300_001))
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        status = client.wait("checked", timeout=PATIENCE)
        assert indexes(status.bitfield) == [10, 11, 12]


# -- what is hashed again ----------------------------------------------------------------------------------------------


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def append(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"more")


def copy(path: Path) -> None:
    """Another inode, the same size and time."""
    stat = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    os.replace(other, path)


@pytest.mark.parametrize("change", [touch, append, copy])
def test_only_files_that_changed_are_hashed_again(complete: Path, change: Callable[[Path], None]) -> None:
    change(SMALL.path(complete, "sub/b.bin"))
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        watched = Watched(client)
        assert client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == [9, 10, 11, 12]


def test_a_file_found_changed_just_before_the_end_is_hashed_at_the_next_start(complete: Path) -> None:
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        touch(SMALL.path(complete, "a.bin"))
        client.hashcheck(0)  # which notices the change; the other pieces of the file were not hashed again
    with bt.Client(SMALL.metainfo(), complete, settings=LOCAL) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == [*range(1, 10)]


def test_pieces_that_came_while_others_were_synced_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = System()
    monkeypatch.setattr("bittorrent_threads.runtime.Disk", functools.partial(Disk, system=system))
    with pair(tmp_path, download_limit=30_000, settings=LOCAL.replace(sync_interval=1000)) as (_, down):

        def slow(fd: int) -> None:
            os.fdatasync(fd)
            down.wait("seed", timeout=PATIENCE)

        down.wait(lambda status: status.pieces_have > 0, timeout=PATIENCE)
        system.use("fdatasync", slow)
        down.download_limit = 0
        saved = down.piece_cache  # as much as a kill just after it would leave
        system.heal("fdatasync")
    before = {*indexes(bytes.fromhex(str(saved["have"])))}
    assert len(before) < SMALL.piece_count
    with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, piece_cache=saved) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == sorted({*range(13)} - before)


def test_a_file_longer_than_the_torrent_says_keeps_its_tail(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        longer = SMALL.path(tmp_path / "down", "a.bin")
        longer.parent.mkdir(parents=True)
        longer.write_bytes(SMALL.data("a.bin")[:100_000] + bytes(200_001) + b"tail")
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, peers=peers) as client:
            client.wait("seed", timeout=PATIENCE)
            assert client.downloaded == SMALL.size - 3 * 32 * KIB
            assert not client.status().error
            assert fetched(client, tmp_path / "peer").seed
    assert longer.read_bytes() == SMALL.data("a.bin") + b"tail"
    assert SMALL.differences(tmp_path / "peer") == []
    with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert not client.status().error
        assert all(file.complete for file in client.files)
        assert fetched(client, tmp_path / "another").seed
        assert hashed(client, watched) == []
        assert client.downloaded == 0
    assert longer.read_bytes() == SMALL.data("a.bin") + b"tail"
    assert SMALL.differences(tmp_path / "another") == []


def test_data_without_resume_data_is_hashed_at_the_start(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == list(range(SMALL.piece_count))
        assert watched.seen(events.HashcheckFinished)[0].passed == SMALL.piece_count


def test_stopped_in_the_midst_of_that_the_rest_is_hashed_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = SampleTorrent(96 * 1024 * KIB, piece_length=64 * KIB, name="long")
    content.write(tmp_path)
    read = threading.Event()

    def read_slowly(*arguments: Any) -> int:
        read.wait(0.5)
        return os.preadv(*arguments)

    system = System()
    system.use("preadv", read_slowly)
    monkeypatch.setattr("bittorrent_threads.runtime.Disk", functools.partial(Disk, system=system))
    with bt.Client(content.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait(lambda status: status.pieces_have > 0, timeout=PATIENCE)
        found = {*indexes(client.bitfield)}
        client.close()
        read.set()
        assert client.status().pieces_have < content.piece_count
    system.heal("preadv")
    with bt.Client(content.metainfo(), tmp_path, settings=LOCAL.replace(event_queue_size=10_000)) as client:
        watched = Watched(client)
        assert client.wait("checked", timeout=PATIENCE).seed
        assert not found.intersection(hashed(client, watched))


# -- where it is kept --------------------------------------------------------------------------------------------------


def test_another_folder(tmp_path: Path) -> None:
    with pair(tmp_path, resume=tmp_path / "kept") as (_, down):
        down.wait(timeout=PATIENCE)
    assert (tmp_path / "kept" / NAME).is_file()
    assert not (tmp_path / "down" / HIDDEN_FOLDER).exists()
    with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, resume=tmp_path / "kept") as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == []


def test_no_resume_data_leaves_no_hidden_folder(tmp_path: Path) -> None:
    with pair(tmp_path, resume=False, settings=LOCAL.replace(sync_interval=0.05)) as (_, down):
        down.wait(timeout=PATIENCE)
        down.stop()
        down.start()
        cache = down.piece_cache
    assert sorted(os.listdir(tmp_path / "down")) == ["small"]
    with bt.Client(
        SMALL.metainfo(), tmp_path / "down", settings=LOCAL, resume=False, piece_cache=json.loads(json.dumps(cache))
    ) as client:
        watched = Watched(client)
        client.wait("seed", timeout=PATIENCE)
        assert hashed(client, watched) == []
    assert sorted(os.listdir(tmp_path / "down")) == ["small"]


def test_it_is_written_at_intervals_and_on_completion(tmp_path: Path) -> None:
    path = stored(tmp_path / "down")
    with pair(tmp_path, download_limit=60_000, settings=LOCAL.replace(sync_interval=0.1)) as (_, down):
        down.wait(lambda status: path.exists() and status.pieces_have > 2, timeout=PATIENCE)
        assert not down.complete, "written before it was complete"
    with pair(tmp_path / "other", settings=LOCAL.replace(sync_interval=1000)) as (_, down):
        path = stored(tmp_path / "other" / "down")
        down.wait(timeout=PATIENCE)
        down.wait(lambda status: remembered(path) == "fff8", timeout=PATIENCE)


def remembered(path: Path) -> str:
    """The pieces that the resume data at ``path`` claims; nothing while there is none."""
    with contextlib.suppress(FileNotFoundError):  # it is renamed to make room for the next
        return str(plain(path.read_bytes())["have"])
    return ""
