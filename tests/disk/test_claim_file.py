from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.children import Child
from support.claims import SAME, A, B, claim, refused
from support.system import System
from support.torrents import torrent

from bittorrent_threads.disk import claim_file, locks
from bittorrent_threads.disk.claim import Claim
from bittorrent_threads.disk.claim_file import SUFFIX
from bittorrent_threads.disk.claims import Claims, TorrentClaim
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER


@pytest.fixture
def sessions() -> Iterator[List[Claims]]:
    made = [Claims(), Claims()]
    yield made
    for claims in made:
        claims.close()


HOLDER = """
    import sys
    from bittorrent_threads.disk.claim import Claim
    from bittorrent_threads.disk.claims import Claims, TorrentClaim
    from bittorrent_threads.disk.folder import Folder
    from bittorrent_threads.metainfo.metainfo import Metainfo

    metainfo = Metainfo.load(sys.argv[2])
    Claims().take(Folder(sys.argv[1]), Claim.of(metainfo, [entry.path for entry in metainfo.files], writing=True))
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_a_process_that_was_killed_claims_nothing(sessions: List[Claims], tmp_path: Path) -> None:
    A.metainfo.save(tmp_path / "a.torrent")
    folder = Folder(str(tmp_path / "data"))
    with Child(HOLDER, folder.root, tmp_path / "a.torrent") as child:
        child.line()
        assert f"process {child._process.pid}" in refused(sessions[0], folder, claim(B)).reason
        child.kill()
        child._process.wait()
        sessions[0].take(folder, claim(B))
    left = [name for name in os.listdir(os.path.join(folder.root, HIDDEN_FOLDER)) if name.endswith(SUFFIX)]
    assert len(left) == 1, "what it left is gone"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"claims": 5}', b'{"claims": [[1, 2], ["a"]]}', b"\xff" * 99])
def test_what_is_no_claim_is_none(sessions: List[Claims], tmp_path: Path, data: bytes) -> None:
    path = tmp_path / HIDDEN_FOLDER / f"1.x{SUFFIX}"
    path.parent.mkdir()
    path.write_bytes(data)
    sessions[0].take(Folder(str(tmp_path)), claim(A))
    assert not path.exists()


def test_where_nothing_can_be_written_a_claim_owns_in_the_session(sessions: List[Claims], tmp_path: Path) -> None:
    (tmp_path / HIDDEN_FOLDER).write_bytes(b"a file")
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A))
    refused(sessions[0], folder, claim(B))
    sessions[1].take(folder, claim(B))


def test_what_cannot_be_written_is_still_looked_at(sessions: List[Claims], tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A))
    system = System()
    open_file = os.open

    def reading(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & (os.O_CREAT | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return open_file(path, flags, *arguments, **options)

    system.use("open", reading)
    read_only = Folder(str(tmp_path), system=system)
    refused(sessions[1], read_only, claim(B, writing=False))
    sessions[0].take(folder, claim(A, writing=False))
    sessions[1].take(read_only, claim(B, writing=False))
    refused(sessions[1], read_only, claim(A))
    assert len(list((tmp_path / HIDDEN_FOLDER).glob(f"*{SUFFIX}"))) == 1


@pytest.mark.parametrize("inner_first", [False, True])
@pytest.mark.parametrize("other", [0, 1], ids=["one session", "two sessions"])
def test_folders_inside_each_other(sessions: List[Claims], tmp_path: Path, other: int, inner_first: bool) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "t" / "deep").mkdir(parents=True)
    outer = Folder(str(tmp_path / "link")), Claim.of(A.metainfo, [("t", "deep", "x"), ("y",)], writing=True)
    inner = Folder(str(tmp_path / "t" / "deep")), Claim.of(B.metainfo, [("x",), ("z",)], writing=True)
    aside = Folder(str(tmp_path / "t")), Claim.of(SAME.metainfo, [("deep", "y"), ("x",)], writing=True)
    first, second = (inner, outer) if inner_first else (outer, inner)
    sessions[0].take(*first)
    sessions[other].take(*aside)
    assert refused(sessions[other], *second).path == str(tmp_path / "t" / "deep" / "x")
    sessions[0].release(first[0], bytes.fromhex(first[1].infohash))
    sessions[other].take(*second)
    refused(sessions[0], *first)


def test_where_there_are_no_locks_process_and_boot_tell(
    sessions: List[Claims], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(fd: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(locks, "_lock", unsupported)
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A))
    refused(sessions[1], folder, claim(B))
    (path,) = (tmp_path / HIDDEN_FOLDER).glob(f"*{SUFFIX}")
    head, rest = path.read_text().split("\n", 1)
    path.write_text(json.dumps({**json.loads(head), "boot": "an earlier one"}) + "\n" + rest)
    sessions[1].take(folder, claim(B))
    assert not path.exists()


def test_a_file_that_is_being_rewritten_is_read_again(sessions: List[Claims], tmp_path: Path) -> None:
    sessions[0].take(Folder(str(tmp_path)), claim(A))
    system, reads = System(), []

    def half(fd: int, size: int) -> bytes:
        # The first two reads find what a rewrite has stored so far.
        reads.append(size)
        data = os.read(fd, size)
        return b"{" * len(data) if len(reads) <= 2 else data

    system.use("read", half)
    refused(sessions[1], Folder(str(tmp_path), system=system), claim(B))
    assert len(reads) == 3


def test_a_file_that_stays_invalid_claims_nothing(
    sessions: List[Claims], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_file, "READ_ATTEMPTS", 2)
    sessions[0].take(Folder(str(tmp_path)), claim(A))
    (path,) = (tmp_path / HIDDEN_FOLDER).glob(f"*{SUFFIX}")
    path.write_bytes(b"{")
    sessions[1].take(Folder(str(tmp_path)), claim(B))
    assert path.exists(), "its process runs"


def test_a_rename_adds_lines_which_others_read(
    sessions: List[Claims], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_file, "MIN_APPENDED", 0)
    many = torrent([(f"{index}", 1) for index in range(30)], 30)
    folder, own = Folder(str(tmp_path)), TorrentClaim(sessions[0], many.metainfo)
    paths = [entry.path for entry in many.metainfo.files]
    own.take(folder, paths, writing=False)
    (path,) = (tmp_path / HIDDEN_FOLDER).glob(f"*{SUFFIX}")
    size = path.stat().st_size
    grown = []
    for number in range(3):
        old, new = paths[0], (f"new {number}",)
        with own.renaming(folder, old, new):
            for each in (old, new):
                refused(sessions[1], folder, Claim.of(B.metainfo, [each], writing=False))
        sessions[1].take(folder, Claim.of(B.metainfo, [old], writing=True))
        sessions[1].release(folder, B.metainfo.infohash)
        refused(sessions[1], folder, Claim.of(B.metainfo, [new], writing=True))
        paths[0] = new
        grown.append(path.stat().st_size - size)
    assert 0 < grown[0] < grown[1] < 1500
    assert grown[2] < grown[1], "it was written as a whole again"


def test_a_line_that_is_not_whole_is_read_again(
    sessions: List[Claims], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions[0].take(Folder(str(tmp_path)), claim(A))
    (path,) = (tmp_path / HIDDEN_FOLDER).glob(f"*{SUFFIX}")
    data = path.read_bytes()
    system, ends = System(), [data.index(b"\n") + 1, len(data) - 1]

    def part(fd: int, size: int) -> bytes:
        read = os.read(fd, size)
        return read[: ends.pop()] if ends and read else read

    system.use("read", part)
    monkeypatch.setattr(claim_file, "READ_ATTEMPTS", 3)
    refused(sessions[1], Folder(str(tmp_path), system=system), claim(B))
    assert ends == []
    path.write_bytes(data + b'["x", "torn')
    monkeypatch.setattr(claim_file, "READ_ATTEMPTS", 2)
    refused(sessions[1], Folder(str(tmp_path)), claim(B))


def test_after_an_append_that_failed_the_file_is_written_as_a_whole(sessions: List[Claims], tmp_path: Path) -> None:
    system = System()
    folder, own = Folder(str(tmp_path), system=system), TorrentClaim(sessions[0], A.metainfo)
    paths = [entry.path for entry in A.metainfo.files]
    own.take(folder, paths, writing=True)
    with own.renaming(folder, paths[0], ("new",)):
        system.fail("write", errno.ENOSPC, times=1)
    system.heal("write")
    with own.renaming(folder, paths[1], ("newer",)):
        pass
    for path in paths:
        sessions[1].take(Folder(str(tmp_path)), Claim.of(B.metainfo, [path], writing=True))
    for name in ("new", "newer"):
        refused(sessions[1], Folder(str(tmp_path)), Claim.of(B.metainfo, [(name,)], writing=True))
