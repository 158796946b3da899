"""A file has one owner while it is written, whatever session or process asks."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Tuple

import pytest
from support.claims import SAME, A, B, claim, refused
from support.system import System
from support.torrents import torrent

from bittorrent_threads.disk.claim import Claim, PathChange, path_hash
from bittorrent_threads.disk.claims import Claims, TorrentClaim
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError


@pytest.fixture
def sessions() -> Iterator[List[Claims]]:
    made = [Claims(), Claims()]
    yield made
    for claims in made:
        claims.close()


@pytest.mark.parametrize("other", [0, 1], ids=["one session", "two sessions"])
@pytest.mark.parametrize("writers", [(True, True), (True, False), (False, True)])
def test_a_file_that_is_written_is_another_torrents(
    sessions: List[Claims], tmp_path: Path, other: int, writers: Tuple[bool, bool]
) -> None:
    assert SAME.metainfo.infohash != A.metainfo.infohash
    folder = Folder(str(tmp_path))
    sessions[0].take(folder, claim(A, writing=writers[0]))
    error = refused(sessions[other], Folder(str(tmp_path)), claim(B, writing=writers[1]))
    assert error.path == str(tmp_path / "t" / "x")
    assert A.metainfo.infohash.hex() in error.reason
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


def test_what_is_claimed_already_costs_nothing(sessions: List[Claims], tmp_path: Path) -> None:
    system = System()
    folder, paths = Folder(str(tmp_path), system=system), [entry.path for entry in A.metainfo.files]
    own = TorrentClaim(sessions[0], A.metainfo)
    own.take(folder, paths, writing=True)
    del system.calls[:]
    own.take(folder, list(paths), writing=True)
    assert system.calls == []
    many = torrent([(f"{index}", 1) for index in range(500)], 500)
    sessions[0].take(folder, claim(many))
    few = len(system.calls)
    assert few < 40, "the number of system calls is not that of the files"


def test_a_move_claims_the_new_place_first(sessions: List[Claims], tmp_path: Path) -> None:
    old, new = Folder(str(tmp_path / "old")), Folder(str(tmp_path / "new"))
    paths = [entry.path for entry in A.metainfo.files]
    own = TorrentClaim(sessions[0], A.metainfo)
    own.take(old, paths, writing=True)
    sessions[1].take(new, claim(B, writing=False))
    with pytest.raises(StorageError), own.moving(new, paths, lambda: paths):
        raise AssertionError("that is another torrent's")
    refused(sessions[1], old, claim(B))
    sessions[1].release(new, B.metainfo.infohash)
    with pytest.raises(KeyError), own.moving(new, paths, lambda: paths):
        raise KeyError
    refused(sessions[1], old, claim(B))
    sessions[1].take(new, claim(B))
    sessions[1].release(new, B.metainfo.infohash)
    with own.moving(new, paths, lambda: paths):
        pass
    sessions[1].take(old, claim(B))
    refused(sessions[1], new, claim(B))
    own.release()
    sessions[1].take(new, claim(B))


def test_a_rename_claims_the_new_path_beside_the_old_one(sessions: List[Claims], tmp_path: Path) -> None:
    folder, paths = Folder(str(tmp_path)), [entry.path for entry in A.metainfo.files]
    own = TorrentClaim(sessions[0], A.metainfo)
    own.take(folder, paths, writing=True)
    at_x, at_y, at_new = (Claim.of(B.metainfo, [path], writing=False) for path in (*paths, ("new",)))
    with own.renaming(folder, paths[0], ("new",)):
        for each in (at_x, at_y, at_new):
            refused(sessions[1], folder, each)
    sessions[1].take(folder, at_x)
    for each in (at_y, at_new):
        refused(sessions[1], folder, each)
    own.take(folder, [("new",), paths[1]], writing=True)
    with pytest.raises(StorageError), own.renaming(folder, paths[1], paths[0]):
        raise AssertionError("that is another torrent's")
    with pytest.raises(KeyError), own.renaming(folder, paths[1], ("newer",)):
        raise KeyError
    sessions[1].take(folder, Claim.of(B.metainfo, [("newer",)], writing=True))
    for each in (at_y, at_new):
        refused(sessions[1], folder, each)
    own.release()
    sessions[1].take(folder, at_y)


def test_the_rename_of_a_file_that_is_not_claimed_claims_nothing_in_the_end(
    sessions: List[Claims], tmp_path: Path
) -> None:
    folder, paths = Folder(str(tmp_path)), [entry.path for entry in A.metainfo.files]
    new = Claim.of(B.metainfo, [("new",)], writing=True)
    own = TorrentClaim(sessions[0], A.metainfo)
    for claimed in ([], paths[1:]):
        if claimed:
            own.take(folder, claimed, writing=True)
        with own.renaming(folder, paths[0], ("new",)):
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
    own = TorrentClaim(sessions[0], many.metainfo)
    own.take(folder, paths, writing=True)
    before = dict(own._current[1].paths) if own._current else {}
    del system.calls[:]
    with own.renaming(folder, paths[3], ("t", "3", "y")):
        pass
    assert len(system.calls) < 60
    assert own._current is not None
    assert len({*before} - {*own._current[1].paths}) == 1
    own.take(folder, [*paths[:3], ("t", "3", "y"), *paths[4:]], writing=True)


def test_to_rename_or_release_nothing_is_no_error(sessions: List[Claims], tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    change = PathChange(*path_hash("t/x"), *path_hash("t/new"))
    sessions[0].renamed(str(tmp_path), claim(A), change)
    sessions[0].release(folder, A.metainfo.infohash)
    sessions[1].take(folder, claim(B))


def test_a_move_of_what_is_not_claimed_claims_nothing_in_the_end(sessions: List[Claims], tmp_path: Path) -> None:
    folder, paths = Folder(str(tmp_path)), [entry.path for entry in A.metainfo.files]
    with TorrentClaim(sessions[0], A.metainfo).moving(folder, paths, lambda: paths):
        refused(sessions[1], folder, claim(B))
    sessions[1].take(folder, claim(B))
