from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple

import pytest
from support.resumes import FILES, resume_of
from support.system import System
from support.torrents import torrent

from bittorrent_threads.disk import name_journal
from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.move_storage import rename
from bittorrent_threads.disk.name_journal import NameJournal
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_file import ResumeFile
from bittorrent_threads.disk.resume_trust import compare
from bittorrent_threads.metainfo.bitfield import Bitfield

SEAL, OTHER = b"a" * 64, b"b" * 64
PARTS = (".hidden", "t.resume.names")


def journal(root: Path, system: Any = None) -> NameJournal:
    return NameJournal(Folder(str(root), system=system or System()), PARTS)


def test_what_is_appended_is_loaded_in_order(tmp_path: Path) -> None:
    system = System()
    written = journal(tmp_path, system)
    assert written.load(SEAL) == []
    assert written.append(SEAL, 3, ("a", "b"))
    system.calls.clear()
    assert written.append(SEAL, 0, ("caf\u00e9 \udcff",))
    assert written.append(SEAL, 3, ("c",))
    assert system.named("pwritev", "fdatasync", "fsync") == ["pwritev", "fdatasync"] * 2, "durable, in one sync each"
    assert journal(tmp_path).load(SEAL) == [[3, ["a", "b"]], [0, ["caf\u00e9 \udcff"]], [3, ["c"]]]


def test_it_adds_to_one_resume_file_only(tmp_path: Path) -> None:
    written = journal(tmp_path)
    assert written.append(SEAL, 0, ("a",))
    assert written.load(OTHER) == []
    assert written.append(OTHER, 1, ("b",))
    assert (written.load(SEAL), written.load(OTHER)) == ([], [[1, ["b"]]])
    written.remove()
    assert written.load(OTHER) == []
    written.remove()


def test_a_line_that_is_not_whole_ends_it(tmp_path: Path) -> None:
    written = journal(tmp_path)
    for index in range(3):
        assert written.append(SEAL, index, (f"{index}",))
    path = tmp_path / PARTS[0] / PARTS[1]
    data = path.read_bytes()
    begins = [at + 1 for at, byte in enumerate(data) if byte == 10]
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert len(written.load(SEAL)) == max(0, sum(begin <= length + 1 for begin in begins) - 1)
    path.write_bytes(data[: begins[1] + 20] + b"x" + data[begins[1] + 21 :])
    assert written.load(SEAL) == [[0, ["0"]]]


def test_one_that_is_full_gone_or_changed_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_journal, "LINES", 2)
    written = journal(tmp_path)
    assert [written.append(SEAL, index, ("a",)) for index in range(3)] == [True, True, False]
    assert written.append(SEAL, 2, ("a",), files=3), "as many as there are files, if those are more"
    assert not written.append(SEAL, 3, ("a",), files=3)
    assert len(written.load(SEAL)) == 2
    assert len(written.load(SEAL, files=3)) == 3
    path = tmp_path / PARTS[0] / PARTS[1]
    monkeypatch.setattr(name_journal, "LINES", 9)
    monkeypatch.setattr(name_journal, "MAX_SIZE", path.stat().st_size)
    assert not written.append(SEAL, 0, ("a",))
    monkeypatch.undo()
    with path.open("ab") as file:
        file.write(b"x")
    assert not written.append(SEAL, 0, ("a",))
    path.unlink()
    assert not written.append(SEAL, 0, ("a",))
    assert not path.exists()


# -- with the resume data it adds to ---------------------------------------------------------------------------------


class Killed(BaseException):
    """Ends the program: no call does anything after it."""


class Dying(System):
    """A system on which the program is killed before one of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 10**9
        self.open_files: Set[int] = set()
        for call in ("fsync", "fdatasync"):  # no power is cut here
            self.use(call, lambda fd: None)

    def __getattr__(self, name: str) -> Any:
        value = super().__getattr__(name)
        if not callable(value):
            return value

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.left -= 1
            if self.left < 0 and name != "close":
                raise Killed
            result = value(*arguments, **keywords)
            if name == "open":
                self.open_files.add(result)
            elif name == "close":
                self.open_files.remove(arguments[0])
            return result

        return call


@pytest.mark.parametrize("links", [True, False])
def test_killed_anywhere_each_file_is_found_by_the_name_it_has(tmp_path: Path, links: bool) -> None:
    t = torrent([("a", 150), ("b", 250), ("empty", 0), ("c", 200)], 100)
    count = len(t.metainfo.files)
    moves = [(0, ("new", "a")), (1, ("d",)), (0, ("e",))] if links else [(0, ("new", "a"))]
    for after in range(1000):
        root, system = tmp_path / f"{after}", Dying()
        folder, pool = Folder(str(root), system=system), FilePool(9)
        content, file = Content(t.metainfo, folder, pool), ResumeFile(folder, (".hidden", "t"))
        content.check_files()
        content.prepare([True] * count)
        content.write(0, [memoryview(t.data)])
        synced = content.sync()
        have = bytes(Bitfield.filled(t.metainfo.piece_count))
        file.store(Resume(t.metainfo.infohash, have, synced.files, synced.part_file))
        if not links:
            system.fail("link", errno.EXDEV)
        done = 0
        system.left = after
        try:
            for index, parts in moves:
                assert rename(content, file, t.metainfo, index, parts, stored=True)[:2] == (True, None)
                done += 1
        except Killed:
            pass
        system.left = 10**9
        pool.close()
        for fd in system.open_files:
            os.close(fd)
        later = Content(t.metainfo, Folder(str(root)), pool)
        resume, reasons = ResumeFile(Folder(str(root)), (".hidden", "t")).load(t.metainfo)
        assert (resume is not None, reasons) == (True, ())
        assert resume is not None
        later.files.name(resume.names)
        trust = compare(resume, later.check_files(), t.metainfo)
        assert trust.missing == ()
        assert trust.have.full or not links, after
        expected = [entry.path for entry in t.metainfo.files]
        for index, parts in moves[:done]:
            expected[index] = parts
        told = [later.files[index].parts for index in range(count)]
        unlike = [index for index in range(count) if told[index] != expected[index]]
        assert unlike == [] or (unlike == [moves[done][0]] and told[unlike[0]] == moves[done][1])
        for index in range(count):
            assert root.joinpath(*told[index]).read_bytes() == t.file(index)
        pool.close()
        if done == len(moves):
            return
    raise AssertionError("a rename has calls without end")


def test_the_next_store_has_the_names_even_if_it_was_made_before_the_rename(tmp_path: Path) -> None:
    t = torrent(FILES, 100)
    file = ResumeFile(Folder(str(tmp_path)), (".hidden", "t"))
    assert not file.store_name(0, ("x",)), "nothing was stored that a journal could add to"
    before = resume_of(t, 0)
    file.store(before)
    assert file.store_name(0, ("x",))
    assert file.store_name(0, ("y",))
    for each in (file, ResumeFile(file.folder, (".hidden", "t"))):
        found, _ = each.load(t.metainfo)
        assert found is not None
        assert found.names == ((0, ("y",)),)
    assert not ResumeFile(file.folder, (".hidden", "t")).store_name(1, ("z",)), "another object stored it"
    file.store(before)
    assert names(tmp_path) == ["t", "t.bak"], "the journal is in the resume data now"
    file.store(resume_of(t, 1), renamed=(1, ("z",)))
    for each in (file, ResumeFile(file.folder, (".hidden", "t"))):
        found, _ = each.load(t.metainfo)
        assert found is not None
        assert found.names == ((0, ("y",)), (1, ("z",)))


def test_a_journal_of_bad_paths_makes_the_resume_data_invalid(tmp_path: Path) -> None:
    t = torrent(FILES, 100)
    folder = Folder(str(tmp_path))
    for index, parts in ((0, ("..", "x")), (99, ("x",))):
        file = ResumeFile(folder, (".hidden", "t"))
        file.store(resume_of(t, 0))
        assert file.store_name(index, parts)
        found, (reason, *_) = ResumeFile(folder, (".hidden", "t")).load(t.metainfo)
        assert found is None or found.names == ()
        assert "name" in reason


class Renamed:
    """A torrent of small files in a folder that were renamed, with the resume data and the journal of that."""

    def __init__(self, root: Path) -> None:
        self.t = torrent([("a", 150), ("b", 250), ("c", 200)], 100)
        self.root, self.system = root, System()
        folder = Folder(str(root), system=self.system)
        self.pool = FilePool(9)
        self.content, self.file = Content(self.t.metainfo, folder, self.pool), ResumeFile(folder, (".hidden", "t"))
        self.content.check_files()
        self.content.prepare([True] * 3)
        self.content.write(0, [memoryview(self.t.data)])
        synced = self.content.sync()
        have = bytes(Bitfield.filled(self.t.metainfo.piece_count))
        self.file.store(Resume(self.t.metainfo.infohash, have, synced.files, synced.part_file))

    def rename(self, index: int, *parts: str) -> None:
        answer = rename(self.content, self.file, self.t.metainfo, index, parts, stored=True)
        assert (answer.moved, answer.error) == (True, None)

    def put_back(self, index: int, *parts: str) -> None:
        """What a power cut does to folders whose changes were not written."""
        later = self.root.joinpath(*self.content.files[index].parts)
        later.rename(self.root.joinpath(*parts))

    def next_start(self) -> Dict[int, Tuple[str, ...]]:
        """The renamed files, as the next start finds them."""
        folder = Folder(str(self.root))
        resume, reasons = ResumeFile(folder, (".hidden", "t")).load(self.t.metainfo, folder)
        assert resume is not None, reasons
        content = Content(self.t.metainfo, folder, self.pool)
        content.files.name(resume.names)
        assert compare(resume, content.check_files(), self.t.metainfo).have.full
        return dict(resume.names)


def test_a_rename_syncs_its_line_only_and_before_the_old_name_goes(tmp_path: Path) -> None:
    renamed = Renamed(tmp_path)
    renamed.rename(0, "t", "x")
    renamed.system.calls.clear()
    renamed.rename(1, "t", "new", "y")
    order = renamed.system.named("link", "pwritev", "fdatasync", "fsync", "unlink")
    assert order == ["link", "pwritev", "fdatasync", "unlink"]
    assert renamed.next_start() == {0: ("t", "x"), 1: ("t", "new", "y")}
    renamed.pool.close()


def test_after_a_power_cut_a_file_is_found_by_the_name_that_the_folder_has(tmp_path: Path) -> None:
    renamed = Renamed(tmp_path)
    renamed.rename(0, "t", "x")
    renamed.rename(0, "t", "y")
    renamed.rename(1, "t", "a")
    renamed.rename(2, "t", "z")
    renamed.put_back(1, "t", "b")
    renamed.put_back(0, "t", "x")
    assert renamed.next_start() == {0: ("t", "x"), 1: ("t", "b"), 2: ("t", "z")}
    (tmp_path / "t" / "x").rename(tmp_path / "t" / "a")
    assert renamed.next_start() == {0: ("t", "a"), 1: ("t", "b"), 2: ("t", "z")}, "not that of the other file"
    renamed.pool.close()


def test_a_file_that_is_nowhere_has_its_last_name(tmp_path: Path) -> None:
    renamed = Renamed(tmp_path)
    renamed.rename(0, "t", "x")
    (tmp_path / "t" / "x").rename(tmp_path / "elsewhere")
    (tmp_path / "t" / "a").write_bytes(b"another")
    folder = Folder(str(tmp_path))
    resume, _ = ResumeFile(folder, (".hidden", "t")).load(renamed.t.metainfo, folder)
    assert resume is not None
    assert resume.names == ((0, ("t", "x")),)
    renamed.pool.close()


def test_an_earlier_name_that_another_file_has_is_not_taken_back(tmp_path: Path) -> None:
    renamed = Renamed(tmp_path)
    renamed.rename(0, "t", "x")
    renamed.rename(1, "t", "a")
    path = tmp_path / "t" / "a"
    path.write_bytes(path.read_bytes() + b"changed")
    path.rename(tmp_path / "kept")
    (tmp_path / "t" / "x").rename(path)
    folder = Folder(str(tmp_path))
    resume, _ = ResumeFile(folder, (".hidden", "t")).load(renamed.t.metainfo, folder)
    assert resume is not None
    assert dict(resume.names) == {0: ("t", "x"), 1: ("t", "a")}
    renamed.pool.close()


def names(root: Path) -> List[str]:
    return sorted(path.name for path in (root / ".hidden").iterdir())
