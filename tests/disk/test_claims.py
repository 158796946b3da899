"""A file has one owner while it is written, whatever session or process asks."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from support.children import Child
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk import claims as module
from bittorrent_threads.disk import locks
from bittorrent_threads.disk.claims import Claim, Claims, Hold
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER

A = torrent([("x", 10), ("y", 10)], 10)
B = torrent([("x", 10), ("z", 10)], 10, seed=2)
SAME = Torrent(Metainfo.parse(A.metainfo.to_bytes()[:-2] + b"6:source1:Tee"), A.data)
"""The content of A, for another tracker."""


@pytest.fixture
def sessions() -> Iterator[List[Claims]]:
    made = [Claims(), Claims()]
    yield made
    for claims in made:
        claims.close()


def claim(t: Torrent, *, writing: bool = True) -> Claim:
    return Claim.of(t.metainfo, [entry.path for entry in t.metainfo.files], writing=writing)


def refused(claims: Claims, folder: Folder, asked: Claim) -> StorageError:
    with pytest.raises(StorageError) as caught:
        claims.take(folder, asked)
    assert caught.value.errno == errno.EBUSY
    return caught.value


@pytest.mark.parametrize("other", [0, 1], ids=["one session", "two sessions"])
@pytest.mark.parametrize("writers", [(True, True), (True, False), (False, True)])
def test_a_file_that_is_written_is_another_torrents(
    sessions: List[Claims], tmp_path: Path, other: int, writers: Tuple[bool, bool]
) -> None:
    assert SAME.metainfo.infohash != A.metainfo.infohash
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A, writing=writers[0]))
    error = refused(sessions[other], Folder(str(tmp_path)), claim(B, writing=writers[1]))
    assert error.path == str(tmp_path / "t" / "x") and A.metainfo.infohash.hex() in error.reason
    sessions[0].release(folder, A.metainfo.infohash)
    sessions[other].take(folder, claim(B))
    refused(sessions[0], folder, claim(A))
    sessions[other].release(folder, B.metainfo.infohash)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [0, 1], ids=["one session", "two sessions"])
def test_of_one_content_one_writes(sessions: List[Claims], tmp_path: Path, other: int) -> None:
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A))
    refused(sessions[other], folder, claim(SAME))
    sessions[other].take(folder, claim(SAME, writing=False))
    sessions[0].take(folder, claim(A, writing=False))
    sessions[other].take(folder, claim(SAME))
    refused(sessions[0], folder, claim(A))


def test_what_is_only_read_and_what_is_not_shared_is_free(sessions: List[Claims], tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A, writing=False))
    sessions[1].take(folder, claim(B, writing=False))
    sessions[1].take(folder, Claim.of(B.metainfo, [("t", "z")], writing=True))
    sessions[0].take(Folder(str(tmp_path / "elsewhere")), claim(B))


HOLDER = """
    import sys
    from bittorrent_threads.disk.claims import Claim, Claims
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
    left = [name for name in os.listdir(os.path.join(folder.root, HIDDEN_FOLDER)) if name.endswith(module.SUFFIX)]
    assert len(left) == 1, "what it left is gone"


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"claims": 5}', b'{"claims": [[1, 2], ["a"]]}', b"\xff" * 99])
def test_what_is_no_claim_is_none(sessions: List[Claims], tmp_path: Path, data: bytes) -> None:
    path = tmp_path / HIDDEN_FOLDER / f"1.x{module.SUFFIX}"
    path.parent.mkdir()
    path.write_bytes(data)
    sessions[0].take(Folder(str(tmp_path)), claim(A))
    assert not path.exists()


def test_where_nothing_can_be_written_a_claim_holds_in_the_session(sessions: List[Claims], tmp_path: Path) -> None:
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
    assert len(list((tmp_path / HIDDEN_FOLDER).glob(f"*{module.SUFFIX}"))) == 1


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
    (path,) = (tmp_path / HIDDEN_FOLDER).glob(f"*{module.SUFFIX}")
    said = json.loads(path.read_bytes())
    path.write_text(json.dumps({**said, "boot": "an earlier one"}))
    sessions[1].take(folder, claim(B))
    assert not path.exists()


def test_what_is_claimed_already_costs_nothing(sessions: List[Claims], tmp_path: Path) -> None:
    system = System()
    folder, paths = Folder(str(tmp_path), system=system), [entry.path for entry in A.metainfo.files]
    hold = Hold(sessions[0], A.metainfo)
    hold.take(folder, paths, writing=True)
    del system.calls[:]
    hold.take(folder, list(paths), writing=True)
    assert system.calls == []
    many = torrent([(f"{index}", 1) for index in range(500)], 500)
    sessions[0].take(folder, claim(many))
    few = len(system.calls)
    assert few < 40, "the number of system calls is not that of the files"


def test_a_move_claims_the_new_place_first(sessions: List[Claims], tmp_path: Path) -> None:
    old, new = Folder(str(tmp_path / "old")), Folder(str(tmp_path / "new"))
    paths = [entry.path for entry in A.metainfo.files]
    hold = Hold(sessions[0], A.metainfo)
    hold.take(old, paths, writing=True)
    sessions[1].take(new, claim(B, writing=False))
    with pytest.raises(StorageError), hold.moving(new, paths, lambda: paths):
        raise AssertionError("that is another torrent's")
    refused(sessions[1], old, claim(B))
    sessions[1].release(new, B.metainfo.infohash)
    with pytest.raises(KeyError), hold.moving(new, paths, lambda: paths):
        raise KeyError
    refused(sessions[1], old, claim(B))
    sessions[1].take(new, claim(B))
    sessions[1].release(new, B.metainfo.infohash)
    with hold.moving(new, paths, lambda: paths):
        pass
    sessions[1].take(old, claim(B))
    refused(sessions[1], new, claim(B))
    hold.release()
    sessions[1].take(new, claim(B))


def test_a_rename_claims_the_new_path_beside_the_old_one(sessions: List[Claims], tmp_path: Path) -> None:
    folder, paths = Folder(str(tmp_path)), [entry.path for entry in A.metainfo.files]
    hold = Hold(sessions[0], A.metainfo)
    hold.take(folder, paths, writing=True)
    at_x, at_y, at_new = (Claim.of(B.metainfo, [path], writing=False) for path in (*paths, ("new",)))
    with hold.renaming(folder, paths[0], ("new",)):
        for each in (at_x, at_y, at_new):
            refused(sessions[1], folder, each)
    sessions[1].take(folder, at_x)
    for each in (at_y, at_new):
        refused(sessions[1], folder, each)
    hold.take(folder, [("new",), paths[1]], writing=True)
    with pytest.raises(StorageError), hold.renaming(folder, paths[1], paths[0]):
        raise AssertionError("that is another torrent's")
    with pytest.raises(KeyError), hold.renaming(folder, paths[1], ("newer",)):
        raise KeyError
    sessions[1].take(folder, Claim.of(B.metainfo, [("newer",)], writing=True))
    for each in (at_y, at_new):
        refused(sessions[1], folder, each)
    hold.release()
    sessions[1].take(folder, at_y)


def test_the_rename_of_a_file_that_is_not_claimed_claims_nothing_in_the_end(
    sessions: List[Claims], tmp_path: Path
) -> None:
    folder, paths = Folder(str(tmp_path)), [entry.path for entry in A.metainfo.files]
    new = Claim.of(B.metainfo, [("new",)], writing=True)
    hold = Hold(sessions[0], A.metainfo)
    for claimed in ([], paths[1:]):
        if claimed:
            hold.take(folder, claimed, writing=True)
        with hold.renaming(folder, paths[0], ("new",)):
            refused(sessions[1], folder, new)
        sessions[1].take(folder, new)
        sessions[1].release(folder, B.metainfo.infohash)
    refused(sessions[1], folder, Claim.of(B.metainfo, paths[1:], writing=False))


def test_the_rename_of_one_of_many_files_looks_at_its_folders_only(sessions: List[Claims], tmp_path: Path) -> None:
    many = torrent([(f"{index}/x", 1) for index in range(500)], 500)
    for index in range(500):
        (tmp_path / "t" / str(index)).mkdir(parents=True)
    system = System()
    folder, paths = Folder(str(tmp_path), system=system), [entry.path for entry in many.metainfo.files]
    hold = Hold(sessions[0], many.metainfo)
    hold.take(folder, paths, writing=True)
    before = dict(hold._held[1].paths) if hold._held else {}
    del system.calls[:]
    with hold.renaming(folder, paths[3], ("t", "3", "y")):
        pass
    assert len(system.calls) < 60
    assert hold._held is not None and len({*before} - {*hold._held[1].paths}) == 1
    hold.take(folder, [*paths[:3], ("t", "3", "y"), *paths[4:]], writing=True)
