from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pytest
from support.network_thread import NetworkThread
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk import move_storage
from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.disk.results import Moved
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_trust import Trust, compare, moved
from bittorrent_threads.disk.storage import Storage
from bittorrent_threads.settings import Settings

# Pieces of 100 bytes; piece 1 crosses from a into the unwanted b, so that there is a part file.
FILES = [("a", 150), ("b", 250), ("sub/c", 200), ("sub/empty", 0)]
WANTED = [True, False, True, True]


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


@pytest.fixture(params=["whole", "links", "copies"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> System:
    """The folder of the torrent is moved as it is, or file by file; with copies there might as well be two disks."""
    monkeypatch.setattr(move_storage, "CHUNK", 70)
    system = System()
    for call in ("fsync", "fdatasync"):  # no power is cut here, and hundreds of moves would wait for the disk
        system.use(call, lambda fd: None)
    if request.param != "whole":
        system.fail("rename", errno.EXDEV)
    if request.param == "copies":
        system.fail("link", errno.EXDEV)
    return system


class Bench:
    """A storage with pieces in files and in the part file, and its resume data, at ``old``."""

    def __init__(self, root: Path, t: Torrent, system: System, resume_dir: str = "") -> None:
        self.t, self.system = t, system
        self.old, self.new = root / "old", root / "new"
        self.network = NetworkThread()
        self.disk = Disk(Settings(), self.network.post, system=system)
        self.disk.start()
        self.resume_dir = resume_dir or None
        self.storage = self.open(self.old)
        self.ask("check_files")
        self.ask("prepare", WANTED, WANTED)
        self.ask("save", t.buffers(0, 1, 4, 5))
        self.resume = self.remember(self.storage)

    def open(self, folder: Path) -> Storage:
        return self.disk.open(self.t.metainfo, str(folder), resume_dir=self.resume_dir)

    def ask(self, verb: str, *arguments: Any) -> Any:
        return self.network.ask(getattr(self.storage, verb), *arguments)

    def remember(self, storage: Storage) -> Resume:
        synced = self.ask("sync")
        assert (synced.error, synced.suspects) == (None, ())
        resume = Resume(self.t.metainfo.infohash, b"\xcc", synced.files, synced.part_file, clean=True)
        assert self.ask("remember", resume).error is None
        return resume

    def move(self) -> Moved:
        moved: Moved = self.ask("move", str(self.new))
        return moved

    def right(self) -> List[int]:
        return list(self.ask("check", range(6)).passed)

    def later(self, folder: Path) -> Optional[Trust]:
        """What a later client at this folder makes of the resume data there; None if there is none of use."""
        storage = self.open(folder)
        recalled = self.network.ask(storage.recall)
        if recalled.resume is None:
            return None
        assert recalled.reasons == ()
        storage.name(recalled.resume.names)
        return compare(recalled.resume, self.network.ask(storage.check_files), self.t.metainfo)

    def trusted(self, folder: Path) -> List[int]:
        """What a later client at this folder believes without hashing."""
        trust = self.later(folder)
        if trust is None:
            return []
        assert trust.suspects == ()
        assert trust.missing == ()
        return list(trust.have.indexes())

    def tree(self, folder: Path) -> Dict[str, bytes]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        # A claim file has a line for each change.
        return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.suffix != ".claims"}


@pytest.fixture
def bench(tmp_path: Path, t: Torrent, system: System) -> Iterator[Bench]:
    bench = Bench(tmp_path, t, system)
    yield bench
    assert bench.disk.close(30)


def test_everything_is_at_the_new_place_and_nothing_at_the_old(bench: Bench) -> None:
    before = bench.tree(bench.old)
    assert bench.move()[:2] == (True, None)
    after = bench.tree(bench.new)
    assert {name: data for name, data in after.items() if "resume" not in name} == {
        name: data for name, data in before.items() if "resume" not in name
    }
    assert len([name for name in after if name.endswith((".parts", ".resume"))]) == 2
    assert list(bench.old.iterdir()) == []


def test_nothing_is_removed_before_the_new_place_is_durable(bench: Bench, request: pytest.FixtureRequest) -> None:
    how = request.node.callspec.params["system"]
    watched = [f"{bench.t.metainfo.infohash.hex()}.parts"] if how == "whole" else ["a", "c", "empty"]
    synced = set()
    unsynced: List[Path] = []
    removed: List[str] = []

    def sync(fd: int) -> None:
        os.fsync(fd)
        synced.add(os.fstat(fd).st_ino)

    def unlink(name: str, **options: Any) -> None:
        if name in watched:  # and not what a copy is called before it is whole
            removed.append(name)
            files = [path for path in bench.new.rglob("*") if path.is_file() and "claims" not in path.name]
            needed = [path for path in files if how == "copies" or "resume" in path.name]
            # A folder that was moved has the names that it had: what is new is its own.
            needed += [bench.new if how == "whole" and "t" in path.parts else path.parent for path in files]
            unsynced.extend(path for path in needed if path.stat().st_ino not in synced)
        os.unlink(name, **options)

    for call in ("fsync", "fdatasync"):
        bench.system.use(call, sync)
    bench.system.use("unlink", unlink)
    bench.move()
    assert sorted(removed) == watched
    assert unsynced == []


def test_it_goes_on_at_the_new_place(bench: Bench) -> None:
    bench.move()
    assert bench.right() == [0, 1, 4, 5]
    assert bench.ask("load", [(1, 0, 100)])[0].data == bench.t.piece(1)
    assert bench.ask("save", bench.t.buffers(2, 3)).kept == (2, 3)
    assert bench.ask("prepare", [True] * 4, [True] * 4).error is None
    assert bench.right() == list(range(6))
    assert bench.ask("sync").suspects == ()
    assert bench.t.path(bench.new, 1).read_bytes() == bench.t.file(1)
    assert list(bench.old.iterdir()) == []


def test_a_later_client_hashes_nothing(bench: Bench) -> None:
    bench.move()
    assert bench.trusted(bench.new) == [0, 1, 4, 5]


def test_resume_data_by_value_moves_too(bench: Bench) -> None:
    answer = bench.move()
    resume = moved(bench.resume, answer)
    trust = compare(resume, bench.ask("check_files"), bench.t.metainfo)
    assert list(trust.have.indexes()) == [0, 1, 4, 5]
    assert trust.suspects == () == trust.missing


def test_resume_data_kept_elsewhere_stays_there(tmp_path: Path, t: Torrent, system: System) -> None:
    bench = Bench(tmp_path, t, system, resume_dir=str(tmp_path / "elsewhere"))
    assert bench.move()[:2] == (True, None)
    assert bench.trusted(bench.new) == [0, 1, 4, 5]
    assert (tmp_path / "elsewhere").is_dir()
    assert not list(bench.new.rglob("*.resume"))
    assert bench.disk.close(30)


def test_times_and_permissions_stay(bench: Bench) -> None:
    path = bench.t.path(bench.old, 0)
    path.chmod(0o640)
    before = path.stat()
    bench.move()
    after = bench.t.path(bench.new, 0).stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


def test_holes_stay_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    t, system = torrent([("large", 8 << 20)], 1 << 20), System()
    system.fail("link", errno.EXDEV)
    network = NetworkThread()
    disk = Disk(Settings(), network.post, system=system)
    disk.start()
    storage = disk.open(t.metainfo, str(tmp_path / "old"))
    network.ask(storage.prepare, [True], [True])
    network.ask(storage.save, t.buffers(5))
    assert network.ask(storage.move, str(tmp_path / "new")).moved
    found = t.path(tmp_path / "new", 0).stat()
    assert found.st_size == 6 << 20
    assert found.st_blocks * 512 <= 2 << 20
    assert network.ask(storage.check, range(8)).passed == (5,)
    assert disk.close(30)


def test_the_same_folder_by_another_path_is_no_move(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(bench.old)
    before = bench.tree(bench.old)
    assert bench.ask("move", str(tmp_path / "link"))[:2] == (False, None)
    assert bench.tree(bench.old) == before
    assert bench.right() == [0, 1, 4, 5]


def one_by_one(bench: Bench) -> bool:
    """Whether files are moved rather than the folder that they are in."""
    assert bench.move()[:2] == (True, None)
    assert bench.right() == [0, 1, 4, 5]
    assert bench.trusted(bench.new) == [0, 1, 4, 5]
    return len(bench.system.named("link")) > 1  # the part file is in the hidden folder


def test_a_folder_of_the_torrent_alone_is_moved_in_one_step(tmp_path: Path, t: Torrent) -> None:
    bench = Bench(tmp_path, t, System())
    assert not one_by_one(bench)
    assert bench.disk.close(30)


@pytest.mark.parametrize("what", ["file", "folder", "link", "socket", "hidden"])
def test_what_else_is_in_the_folder_stays(tmp_path: Path, t: Torrent, what: str) -> None:
    bench = Bench(tmp_path, t, System())
    foreign = bench.old / "t" / "sub" / "foreign"
    if what == "folder":
        foreign.mkdir()
    elif what == "link":
        foreign.symlink_to(tmp_path)
    elif what == "socket":
        os.mkfifo(foreign)
    else:
        foreign = foreign.with_name(".foreign") if what == "hidden" else foreign
        foreign.write_bytes(b"precious")
    assert one_by_one(bench)
    assert os.path.lexists(foreign)
    assert not os.path.lexists(bench.new / foreign.relative_to(bench.old))
    assert bench.disk.close(30)


def test_a_folder_that_cannot_be_moved_is_moved_file_by_file(tmp_path: Path, t: Torrent) -> None:
    """Of two mounts of one file system, say: what was made at the new place before is taken back."""
    bench = Bench(tmp_path, t, System())
    bench.system.fail("rename", errno.EXDEV)
    assert bench.move()[:2] == (True, None)
    assert bench.right() == [0, 1, 4, 5]
    assert bench.trusted(bench.new) == [0, 1, 4, 5]
    assert list(bench.old.iterdir()) == []
    assert bench.disk.close(30)


def test_a_folder_at_the_new_place_is_not_replaced(tmp_path: Path, t: Torrent) -> None:
    bench = Bench(tmp_path, t, System())
    (bench.new / "t").mkdir(parents=True)
    before = (bench.new / "t").stat().st_ino
    assert one_by_one(bench)
    assert (bench.new / "t").stat().st_ino == before
    assert bench.disk.close(30)


def test_a_changed_file_is_not_moved_with_its_folder(tmp_path: Path, t: Torrent) -> None:
    """Its change is seen and counted, as only a use of the file does."""
    bench = Bench(tmp_path, t, System())
    path = bench.t.path(bench.old, 2)
    path.write_bytes(bytes(200))
    os.utime(path, ns=(1, 1))
    bench.move()
    assert bench.right() == [0, 1]
    assert bench.ask("load", [(4, 0, 100)])[0].error is not None
    assert bench.disk.close(30)


# -- what is in the way --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"short", bytes(200)])
def test_another_file_is_never_overwritten(bench: Bench, data: bytes) -> None:
    path = bench.t.path(bench.new, 2)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    before = bench.tree(bench.old)
    answer = bench.move()
    assert not answer.moved
    assert answer.error is not None
    assert (answer.error.errno, answer.error.path) == (errno.EEXIST, str(path))
    assert bench.tree(bench.new) == {"t/sub/c": data}
    assert bench.tree(bench.old) == before
    assert bench.right() == [0, 1, 4, 5]
    assert bench.trusted(bench.old) == [0, 1, 4, 5]


def test_the_same_bytes_are_taken(bench: Bench) -> None:
    path = bench.t.path(bench.new, 2)
    path.parent.mkdir(parents=True)
    path.write_bytes(bench.t.path(bench.old, 2).read_bytes())
    assert bench.move()[:2] == (True, None)
    assert bench.right() == [0, 1, 4, 5]
    assert bench.trusted(bench.new) == [0, 1, 4, 5]


def test_a_link_planted_at_the_new_place_leads_nowhere(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    bench.new.mkdir()
    (bench.new / "t").symlink_to(tmp_path / "outside")
    assert not bench.move().moved
    assert list((tmp_path / "outside").iterdir()) == []
    assert bench.right() == [0, 1, 4, 5]


def test_a_file_that_was_replaced_is_not_moved(bench: Bench) -> None:
    path = bench.t.path(bench.old, 0)
    path.rename(path.with_name("kept"))
    path.write_bytes(bytes(150))
    answer = bench.move()
    assert not answer.moved
    assert answer.error is not None
    assert answer.error.path == str(path)
    assert not list(bench.new.rglob("*"))


# -- faults ----------------------------------------------------------------------------------------------------------

CALLS = [
    *("open", "fsync", "stat", "mkdir", "pwritev", "ftruncate", "replace", "unlink", "rmdir", "pread", "link"),
    *("rename", "scandir"),
]


@pytest.mark.parametrize("name", CALLS)
def test_whatever_fails_nothing_is_lost(tmp_path: Path, t: Torrent, system: System, name: str) -> None:
    """Fail the first call, the second, ... until none fails: each time all is at one of the places, and goes on."""
    for after in range(200):
        root = tmp_path / str(after)
        bench = Bench(root, t, system)
        calls = len(system.named(name))
        linking = system._instead.get("link")
        system.fail(name, errno.EIO, after=after, times=1)
        answer = bench.move()
        (system.use("link", linking) if name == "link" and linking else system.heal(name))
        failed = len(system.named(name)) - calls > after
        place, other = (bench.new, bench.old) if answer.moved else (bench.old, bench.new)
        assert answer.moved or answer.error is not None
        assert bench.right() == [0, 1, 4, 5], (after, answer)
        # Resume data that cannot be read is left behind; the client stores its own anew.
        assert bench.trusted(place) in ([0, 1, 4, 5], [] if name in ("open", "pread", "stat") else [0, 1, 4, 5])
        if answer.error is None:
            # A claim that cannot be removed is one of no process, once it is closed.
            left = [path for path in other.rglob("*") if path.is_file()]
            assert [path for path in left if "claims" not in path.name] == []
        assert bench.disk.close(30)
        if not failed:
            return
    raise AssertionError(f"{name} is called without end")


def test_an_interrupted_move_is_undone(tmp_path: Path, t: Torrent) -> None:
    system = System()
    for call in ("rename", "link"):
        system.fail(call, errno.EXDEV)
    bench = Bench(tmp_path, t, system)
    real = system.fsync

    def interrupting(fd: int) -> None:
        bench.storage.interrupt()
        real(fd)

    system.use("fsync", interrupting)
    answer = bench.move()
    assert not answer.moved
    assert answer.error is not None
    assert answer.error.errno == errno.EINTR
    assert not [path for path in bench.new.rglob("*") if path.is_file()]
    system.heal("fsync")
    assert bench.right() == [0, 1, 4, 5]
    assert bench.move()[:2] == (True, None)
    assert bench.disk.close(30)


def test_old_names_that_cannot_be_removed_are_told_and_the_move_is_done(
    bench: Bench, request: pytest.FixtureRequest
) -> None:
    bench.system.use("unlink", refuse)
    answer = bench.move()
    bench.system.heal("unlink")
    assert answer.moved
    assert answer.error is not None
    assert answer.error.errno == errno.EACCES
    assert bench.right() == [0, 1, 4, 5]
    whole = request.node.callspec.params["system"] == "whole"
    assert bench.trusted(bench.new) == [0, 1, 4, 5]
    assert bench.trusted(bench.old) == ([] if whole else [0, 1, 4, 5])


def refuse(name: str, **keywords: Any) -> None:
    if name in ("a", "c") or name.endswith(".parts"):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    os.unlink(name, **keywords)


# -- one file --------------------------------------------------------------------------------------------------------


def rename(bench: Bench, index: int, *parts: str) -> Moved:
    moved: Moved = bench.network.ask(lambda deliver: bench.storage.rename(index, parts, stored=True, deliver=deliver))
    return moved


def test_a_renamed_file_is_used_where_it_is(bench: Bench) -> None:
    assert rename(bench, 2, "other", "place")[:2] == (True, None)
    assert bench.right() == [0, 1, 4, 5]
    assert not bench.t.path(bench.old, 2).exists()
    assert (bench.old / "other" / "place").read_bytes() == bench.t.file(2)
    assert bench.move()[:2] == (True, None)
    assert bench.right() == [0, 1, 4, 5]
    assert (bench.new / "other" / "place").exists()


@pytest.mark.parametrize("system", ["links"], indirect=True)
def test_a_rename_opens_each_folder_once_and_no_file(bench: Bench) -> None:
    rename(bench, 2, "other", "place")
    bench.system.calls.clear()
    rename(bench, 2, "other", "name")
    opened = [arguments[0] for name, arguments in bench.system.calls if name == "open"]
    names = ("other", "claims.lock", f"{bench.t.metainfo.infohash.hex()}.resume.names")
    assert sorted(opened) == sorted([str(bench.old), ".bittorrent_threads", *names])
    assert len(bench.system.calls) < 35


def test_a_later_client_finds_it_by_its_new_name(bench: Bench) -> None:
    rename(bench, 2, "other", "place")
    storage = bench.open(bench.old)
    resume = bench.network.ask(storage.recall).resume
    assert resume.names == ((2, ("other", "place")),)
    storage.name(resume.names)
    trust = compare(resume, bench.network.ask(storage.check_files), bench.t.metainfo)
    assert list(trust.have.indexes()) == [0, 1, 4, 5]
    assert trust.suspects == () == trust.missing
    assert Resume.of(resume.plain(), bench.t.metainfo) == resume


def test_a_file_that_is_not_there_yet_gets_its_new_name_when_it_is_made(bench: Bench) -> None:
    assert rename(bench, 1, "later")[:2] == (True, None)
    assert bench.ask("prepare", [True] * 4, [True] * 4).error is None
    assert (bench.old / "later").exists()
    assert not bench.t.path(bench.old, 1).exists()


def test_a_name_that_is_taken_stays(bench: Bench) -> None:
    (bench.old / "taken").write_bytes(b"precious")
    answer = rename(bench, 2, "taken")
    assert not answer.moved
    assert answer.error is not None
    assert answer.error.errno == errno.EEXIST
    assert (bench.old / "taken").read_bytes() == b"precious"
    assert bench.trusted(bench.old) == [0, 1, 4, 5]
    assert bench.right() == [0, 1, 4, 5]


@pytest.mark.parametrize(
    "names",
    [
        [[0, ["..", "x"]]],
        [[0, ["/etc", "x"]]],
        [[0, [""]]],
        [[0, []]],
        [[9, ["x"]]],
        [[0, ["x"]], [1, ["x"]]],
        [[0, ["x"]], [1, ["x", "y"]]],
        [[0, ["a\\b"]]],
        [[0, ["a\u202eb"]]],
        [[0, [".BITTORRENT_THREADS"]]],
        [[0, [7]]],
        ["x"],
        {"0": "x"},
        [[0, ["a/b"]]],
    ],
)
def test_names_that_lead_elsewhere_are_not_believed(t: Torrent, names: Any) -> None:
    plain = Resume(t.metainfo.infohash, b"\0", (None,) * 4).plain()
    assert Resume.of({**plain, "names": [[0, ["x", "y"]]]}, t.metainfo).names == ((0, ("x", "y")),)
    with pytest.raises(ValueError, match="names|way|name"):
        Resume.of({**plain, "names": names}, t.metainfo)


@pytest.mark.parametrize("name", CALLS)
def test_whatever_fails_a_file_has_the_old_name_or_the_new(
    tmp_path: Path, t: Torrent, system: System, name: str
) -> None:
    for after in range(200):
        bench = Bench(tmp_path / str(after), t, system)
        calls = len(system.named(name))
        linking = system._instead.get("link")
        system.fail(name, errno.EIO, after=after, times=1)
        answer = rename(bench, 2, "other", "place")
        (system.use("link", linking) if name == "link" and linking else system.heal(name))
        failed = len(system.named(name)) - calls > after
        right, later = bench.right(), bench.later(bench.old)
        assert bench.disk.close(30)
        old, new = bench.t.path(bench.old, 2), bench.old / "other" / "place"
        place, other = (new, old) if answer.moved else (old, new)
        assert answer.moved or answer.error is not None
        assert place.read_bytes() == bench.t.file(2)
        assert right == [0, 1, 4, 5], (after, answer)
        assert answer.error is not None or not other.exists()
        # Resume data that cannot be read is stored anew, with the names and no claim: all is hashed.
        assert later is None or not later.missing, (after, answer)
        assert later is None or {*later.have.indexes(), *later.suspects} == {0, 1, 4, 5}, (after, answer)
        if not failed:
            return
    raise AssertionError(f"{name} is called without end")
