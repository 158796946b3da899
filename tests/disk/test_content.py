from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest
from support.contents import ALL, EMPTY, FILES, A, B, Bench, C, D, spoil
from support.filesystems import refusing
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import Gone, Missing
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError

# -- files and padding ---------------------------------------------------------------------------------------------


def test_prepare_makes_the_files_wanted_and_no_padding(bench: Bench) -> None:
    bench.prepare(B)
    assert bench.files() == ["t/a", "t/d", "t/sub/c", "t/sub/empty"]


def test_everything_written_is_read_wherever_files_end(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.put(*range(8))
    for offset in range(0, 750, 7):
        for length in (1, 60, 333):
            length = min(length, 750 - offset)
            assert bench.content.read(offset, length) == t.data[offset : offset + length]
    for index in (A, B, EMPTY, C, D):
        assert t.path(bench.root, index).read_bytes() == t.file(index)


def test_many_buffers_land_where_they_belong(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    data = memoryview(t.data)
    bench.content.write(0, [data[:10], data[10:160], data[160:160], data[160:555], data[555:]])
    assert bench.right() == list(range(8))


def test_padding_is_zeros_even_in_a_buffer_used_before(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.put(5)
    assert bench.inspect(5) == t.file(C)[80:] + bytes(80)
    assert not (bench.root / "t" / ".pad").exists()


def test_padding_between_files_is_zeros_too(tmp_path: Path, pool: FilePool, system: System) -> None:
    bench = Bench(tmp_path, torrent([("a", 30), (".pad/40", 40), ("b", 30)], 100), pool, system)
    bench.content.prepare([True] * 3)
    bench.put(0)
    assert bench.right() == [0]


def test_padding_is_not_written_even_if_a_peer_sent_something_else(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.content.write(500, [memoryview(t.piece(5)[:20] + b"X" * 80)])
    assert bench.content.read(500, 100) == t.piece(5)


def test_what_is_missing_or_cut_is_not_taken_for_zeros(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    t.path(bench.root, B).unlink()
    os.truncate(t.path(bench.root, D), 120)
    assert bench.right() == [0, 5, 6]


def test_bytes_beyond_the_torrent_are_a_callers_mistake(bench: Bench) -> None:
    with pytest.raises(ValueError, match="bytes 700 to 751 of a torrent of"):
        bench.content.read(700, 51)


def test_one_span_is_one_read(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.prepare()
    bench.content.read(160, 10)
    bench.system.calls.clear()
    data = bench.content.read(160, 200)
    assert bench.system.named("pread", "preadv") == ["pread"]
    assert data == t.data[160:360]


# -- survey --------------------------------------------------------------------------------------------------------


def test_a_survey_of_nothing(bench: Bench) -> None:
    checked = bench.content.check_files()
    assert checked[:-1] == ((), None, (None,) * 6, None, (), (), ())


def test_a_survey_tells_which_pieces_may_be_there(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    t.path(bench.root, A).unlink()
    os.truncate(t.path(bench.root, B), 140)
    with open(t.path(bench.root, D), "ab") as file:
        file.write(b"a longer file than the torrent says")
    checked = bench.content.check_files()
    assert checked.present == (1, 2, 4, 5, 6, 7)
    assert checked.error is None
    found = os.stat(t.path(bench.root, C))
    assert checked.files[C] == (100, found.st_mtime_ns, found.st_ino)
    assert [stat is None for stat in checked.files] == [True, False, False, False, True, False]


def test_a_survey_reads_no_file(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.content.check_files()
    assert bench.system.named("pread", "preadv", "read") == []


def test_pieces_of_padding_alone_are_there(tmp_path: Path, pool: FilePool, system: System) -> None:
    bench = Bench(tmp_path, torrent([("a", 100), (".pad/250", 250), ("b", 50)], 100), pool, system)
    assert bench.content.check_files().present == (1, 2)
    assert bench.right() == [1, 2]


def test_a_survey_goes_on_behind_a_file_it_may_not_touch(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    link = t.path(bench.root, A)
    link.rename(bench.root / "outside")
    link.symlink_to(bench.root / "outside")
    checked = bench.content.check_files()
    assert checked.error is not None
    assert checked.error.path == str(link)
    assert checked.present == (1, 2, 3, 4, 5, 6, 7)
    assert (checked.unseen, checked.files[A], checked.parted) == ((A,), None, ())
    assert set(checked.made) == {B, C, D, EMPTY}


def test_an_empty_file_that_may_not_be_touched_hides_nothing(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    t.path(bench.root, EMPTY).unlink()
    t.path(bench.root, EMPTY).mkdir()
    checked = bench.content.check_files()
    assert checked.error is not None
    assert checked.unseen == ()
    assert checked.present == tuple(range(8))


def test_a_survey_that_saw_no_file_says_so(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.system.fail("stat", errno.EACCES)
    checked = bench.content.check_files()
    assert checked.error is not None
    assert checked.error.errno == errno.EACCES
    assert (checked.files, checked.made) == ((), [])


def test_a_survey_goes_on_without_a_part_file_it_may_not_touch(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.parts.parent.mkdir()
    bench.parts.symlink_to(bench.root / "outside")
    checked = bench.content.check_files()
    assert checked.error is not None
    assert checked.error.path == str(bench.parts)
    assert (checked.present, checked.files) == (tuple(range(8)), ())


def test_a_survey_takes_files_as_they_are(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.prepare()
    assert bench.right() == list(range(8))
    t.path(bench.root, A).unlink()
    with pytest.raises(StorageError, match="removed"):
        bench.content.read(0, 10)
    bench.content.check_files()
    bench.prepare()
    assert bench.right() == [2, 3, 4, 5, 6, 7]
    bench.put(0, 1)
    assert bench.right() == list(range(8))


# -- unwanted files and the part file ------------------------------------------------------------------------------


def test_bytes_of_an_unwanted_file_never_make_it(bench: Bench) -> None:
    bench.prepare(B)
    bench.put(0, 1, 4, 5)
    assert bench.right() == [0, 1, 4, 5]
    assert "t/b" not in bench.files()
    assert bench.parts.exists()


@pytest.mark.parametrize("prepared", [True, False], ids=["prepared", "checked"])
def test_the_part_file_survives_a_restart(bench: Bench, prepared: bool) -> None:
    bench.prepare(B)
    bench.put(0, 1, 4, 5)
    bench.restart()
    checked = bench.content.check_files()
    assert checked.present == (0, 1, 4, 5)
    assert checked.part_file is not None
    assert checked.part_file.size == bench.parts.stat().st_size
    assert checked.parted == (B,)
    assert checked.made == [A, EMPTY, C, D]
    if prepared:
        bench.prepare(B)
    assert bench.right() == [0, 1, 4, 5]


@pytest.mark.parametrize("restarted", [True, False])
def test_a_file_that_becomes_wanted_gets_its_bytes(bench: Bench, t: Torrent, restarted: bool) -> None:
    bench.prepare(B, C)
    bench.put(0, 1, 4)
    if restarted:
        bench.restart()
    bench.prepare(C)
    assert bench.files() == ["t/a", "t/b", "t/d", "t/sub/empty"]
    assert t.path(bench.root, B).read_bytes() == t.file(B)[:50] + bytes(200) + t.file(B)[250:]
    bench.put(2, 3)
    assert bench.right() == [0, 1, 2, 3, 4]
    bench.prepare()
    assert bench.right() == [0, 1, 2, 3, 4]
    assert not bench.parts.exists()


def test_a_file_that_is_not_wanted_any_more_keeps_what_it_has(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.put(1, 2)
    bench.prepare(B)
    bench.put(4)
    assert bench.right() == [1, 2, 4]
    assert not bench.parts.exists()
    assert len(t.path(bench.root, B).read_bytes()) == 270


def test_a_file_not_wanted_any_more_that_was_removed_does_not_appear_again(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.put(*range(8))
    t.path(bench.root, B).unlink()
    bench.prepare(B)
    with pytest.raises(StorageError):
        bench.put(1)
    bench.content.check_files()
    bench.prepare(B)
    bench.put(1, 4)
    assert bench.right() == [0, 1, 4, 5, 6, 7]
    assert "t/b" not in bench.files()
    bench.prepare()
    bench.put(2, 3)
    assert bench.right() == list(range(8))
    assert t.path(bench.root, B).read_bytes() == t.file(B)


def test_an_unwanted_file_that_is_there_is_used(bench: Bench, t: Torrent) -> None:
    path = t.path(bench.root, B)
    path.parent.mkdir()
    path.write_bytes(t.file(B))
    bench.prepare(B)
    bench.put(0, 1)
    assert bench.right() == [0, 1, 2, 3]
    assert not bench.parts.exists()


def test_a_link_in_the_place_of_an_unwanted_file_costs_the_others_nothing(bench: Bench, t: Torrent) -> None:
    path = t.path(bench.root, B)
    path.parent.mkdir()
    path.symlink_to(bench.root / "outside")
    bench.prepare(B)
    bench.put(0, 5, 6, 7)
    assert bench.content.read(500, 250) == t.data[500:]
    with pytest.raises(StorageError):
        bench.put(1)
    assert not (bench.root / "outside").exists()


def test_a_move_that_was_killed_half_way_is_done_again(bench: Bench, t: Torrent) -> None:
    bench.prepare(B)
    bench.put(0, 1, 4)
    # The copy was begun, the file is there, and the part file still has everything.
    t.path(bench.root, B).write_bytes(b"\0" * 10)
    bench.restart()
    bench.content.check_files()
    bench.prepare(B)
    assert bench.right() == [0, 1, 4]
    assert not bench.parts.exists()
    assert t.path(bench.root, B).read_bytes() == t.file(B)[:50] + bytes(200) + t.file(B)[250:]


def test_a_move_that_fails_loses_nothing_and_is_tried_again(bench: Bench) -> None:
    bench.prepare(B)
    bench.put(0, 1)
    bench.system.fail("pwritev", errno.ENOSPC, times=1)
    with pytest.raises(StorageError) as caught:
        bench.prepare()
    assert caught.value.errno == errno.ENOSPC
    assert bench.right() == [0, 1]
    bench.prepare()
    assert bench.right() == [0, 1]
    assert not bench.parts.exists()


def test_pieces_written_while_their_file_becomes_wanted_are_not_lost(tmp_path: Path, pool: FilePool) -> None:
    t = torrent([("a", 150), *((f"x{number}", 70) for number in range(40))], 100)
    bench = Bench(tmp_path, t, pool, System())
    count = t.metainfo.piece_count
    bench.content.prepare([True] + [False] * 40)
    failures: List[BaseException] = []

    def save(first: int) -> None:
        try:
            for piece in range(first, count, 3):
                bench.put(piece)
                data = t.piece(piece)
                assert bench.content.read(piece * 100, len(data)) == data
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save, args=(first,)) for first in range(3)]
    for thread in threads:
        thread.start()
    for known in range(40):
        bench.content.prepare([True] * (known + 1) + [False] * (40 - known))
    for thread in threads:
        thread.join()
    assert not failures
    bench.content.prepare([True] * 41)
    assert bench.right() == list(range(count))
    for index in range(41):
        assert t.path(tmp_path, index).read_bytes() == t.file(index)


class Overtaken:
    """A lock whose first acquisition comes after that of another worker."""

    def __init__(self, other: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._others = [other]

    def __enter__(self) -> None:
        if self._others:
            self._others.pop()()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_a_write_that_waited_for_a_move_goes_to_the_file(bench: Bench, t: Torrent, monkeypatch: Any) -> None:
    bench.prepare(B)
    bench.put(1)
    monkeypatch.setattr(bench.content, "_lock", Overtaken(bench.prepare))
    bench.put(4)
    assert bench.right() == [1, 4]
    assert t.path(bench.root, B).read_bytes()[250:] == t.file(B)[250:]
    assert not bench.parts.exists()


# -- sync ----------------------------------------------------------------------------------------------------------


def test_sync_makes_durable_what_was_written_and_no_more(bench: Bench, t: Torrent) -> None:
    bench.prepare(C)
    bench.put(0, 4)
    bench.system.calls.clear()
    synced = bench.content.sync()
    assert bench.system.named("fdatasync") == ["fdatasync"] * 3, "a, b and the part file"
    assert (synced.suspects, synced.error) == ((), None)
    for index in (A, B):
        found = os.stat(t.path(bench.root, index))
        assert synced.files[index] == (found.st_size, found.st_mtime_ns, found.st_ino)
    assert synced.part_file is not None
    assert synced.part_file.inode == bench.parts.stat().st_ino
    assert bench.content.sync() == synced
    assert len(bench.system.named("fdatasync")) == 3


def test_pieces_of_a_file_that_was_removed_are_suspects(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.put(*range(8))
    t.path(bench.root, B).unlink()
    synced = bench.content.sync()
    assert synced.suspects == (1, 2, 3, 4)
    assert synced.error is not None
    assert (synced.error.path, synced.error.errno) == (str(t.path(bench.root, B)), errno.ENOENT)


def test_a_file_that_was_gone_is_synced_when_it_is_back(bench: Bench, t: Torrent) -> None:
    bench.prepare()
    bench.put(0)
    path = t.path(bench.root, A)
    path.rename(bench.root / "aside")
    for _ in range(2):
        synced = bench.content.sync()
        assert synced.error is not None
        assert synced.error.errno == errno.ENOENT
        assert synced.suspects == (0, 1)
    (bench.root / "aside").rename(path)
    bench.system.calls.clear()
    assert bench.content.sync().error is None
    assert bench.system.named("fdatasync") == ["fdatasync"]
    path.unlink()
    bench.content.check_files()
    assert bench.content.sync().error is None, "taken as it is now"


def test_pieces_of_a_file_that_cannot_be_synced_are_suspects(bench: Bench) -> None:
    bench.prepare(B)
    bench.put(*range(8))
    bench.system.fail("fdatasync", errno.EIO, times=1)
    synced = bench.content.sync()
    assert synced.error is not None
    assert synced.error.errno == errno.EIO
    assert synced.suspects == (1, 2, 3, 4), "those that have bytes in the part file"
    assert bench.content.sync().suspects == ()


def cut(path: Path) -> None:
    os.truncate(path, 10)


@pytest.mark.parametrize("fault", [cut, spoil])
def test_a_sync_tells_of_a_file_that_was_changed(bench: Bench, t: Torrent, fault: Callable[[Path], None]) -> None:
    bench.prepare()
    bench.put(*range(8))
    assert bench.content.sync().changed == ()
    path = t.path(bench.root, B)
    fault(path)
    bench.put(2)
    synced = bench.content.sync()
    assert synced.changed == ((str(path), (1, 2, 3, 4)),)
    assert synced.suspects == (1, 2, 3, 4)
    assert synced.error is None
    for piece in (1, 2, 3):
        bench.content.epochs.mark_right(piece, bench.content.epochs.of(piece))
    assert bench.content.sync().changed == ((str(path), (4,)),)
    bench.content.epochs.mark_right(4, bench.content.epochs.of(4))
    assert bench.content.sync().changed == ()


def test_a_sync_tells_of_a_part_file_that_was_changed(bench: Bench) -> None:
    bench.prepare(B)
    bench.put(0, 1, 4, 5)
    bench.content.sync()
    spoil(bench.parts)
    bench.put(1)
    assert bench.content.sync().changed == ((str(bench.parts), (1, 4)),)


def test_a_file_that_is_too_short_for_a_read_is_told_with_a_number(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.prepare()
    path = t.path(bench.root, B)
    cut(path)
    with pytest.raises(Missing, match="ends at byte 10") as caught:
        bench.content.read(150, 100)
    assert (caught.value.path, caught.value.errno) == (str(path), errno.ESTALE)


def test_close_closes_every_file(bench: Bench, pool: FilePool) -> None:
    bench.prepare(B)
    bench.put(0, 1)
    bench.content.close()
    assert len(pool) == 0


def test_a_part_file_moves_to_a_name_that_the_file_system_stores(tmp_path: Path, pool: FilePool) -> None:
    t = torrent([("a", 150), ("b?", 100)], 100)
    content = Content(t.metainfo, Folder(str(tmp_path), system=refusing("?")), pool, names="native")
    content.check_files()
    content.prepare([True, False])
    for piece in (0, 1):
        content.write(piece * 100, [memoryview(t.piece(piece))])
    content.prepare([True, True])
    assert (tmp_path / "t" / "b_").read_bytes() == t.file(1)[:50]
    assert content.files.chosen == ((1, ("t", "b_")),)
    content.close()


def test_names_stay_once_bytes_go_to_the_files(tmp_path: Path, pool: FilePool) -> None:
    t = torrent([("a", 150), ("b?", 100)], 100)
    content = Content(t.metainfo, Folder(str(tmp_path)), pool)
    content.check_files()
    content.prepare([True, False])
    (tmp_path / "t" / "b?").write_bytes(t.file(1))
    assert content.check_files().names == content.files.chosen == ((1, ("t", "b_")),)
    content.close()


def test_a_wanted_file_with_data_of_another_origin_is_refused(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    own = [index != A for index in range(len(FILES))]
    bench.content.check_files()
    with pytest.raises(StorageError, match="exists already") as caught:
        bench.content.refuse_foreign_data(ALL, own)
    assert (caught.value.path, caught.value.errno) == (str(t.path(bench.root, A)), errno.EEXIST)
    bench.content.refuse_foreign_data(own, own)  # it is not wanted
    t.path(bench.root, A).write_bytes(b"")
    bench.content.refuse_foreign_data(ALL, own)


def test_data_that_appears_before_the_files_are_made_is_refused(bench: Bench, t: Torrent) -> None:
    bench.content.check_files()
    t.seed(bench.root)
    with pytest.raises(StorageError, match="exists already"):
        bench.content.prepare(ALL, [False] * len(FILES))
    assert t.path(bench.root, A).read_bytes() == t.file(A)


def test_nothing_is_made_where_all_own_files_are_gone(bench: Bench, t: Torrent) -> None:
    t.seed(bench.root)
    bench.content.check_files()
    t.path(bench.root, A).unlink()
    bench.content.files.require_own(ALL, ALL)  # one of the others exists
    for index in (B, EMPTY, C, D):
        t.path(bench.root, index).unlink()
    with pytest.raises(Gone):
        bench.content.files.require_own(ALL, ALL)
    bench.content.files.require_own([False] * len(FILES), ALL)
    assert bench.files() == []
