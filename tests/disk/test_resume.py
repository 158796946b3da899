from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.content import bencode
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.hash_buffer import HashBuffers
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.results import CheckedFiles
from bittorrent_threads.disk.resume import SAMPLE, Bounds, Resume, ResumeFile, _sealed, compare, renumbered, sample
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.metainfo import Metainfo

# Pieces of 100 bytes:  a has 0-1, b has 1-3, the padding 3, empty none, c has 4-5.
FILES = [("a", 150), ("b", 230), (".pad/20", 20), ("empty", 0), ("c", 200)]
A, B, PAD, EMPTY, C = range(5)
COUNT = 6
PARTS = (".hidden", "t.resume")


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


def stat(number: int) -> FileStat:
    return FileStat(number, number * 10**18 + 1, number)


def packed(*pieces: int) -> bytes:
    bits = Bitfield(COUNT)
    for piece in pieces:
        bits.set(piece)
    return bytes(bits)


def resume_of(t: Torrent, *have: int, **changes: Any) -> Resume:
    resume = Resume(
        infohash=t.metainfo.infohash,
        have=packed(*have),
        files=(stat(1), stat(2), None, stat(4), stat(5)),
        part_file=None,
        unfinished=((3, b"\x80"), (5, b"\x80")),
        clean=True,
    )
    return resume._replace(**changes)


# -- the value -----------------------------------------------------------------------------------------------------


def test_it_is_plain_data_and_back(t: Torrent) -> None:
    other = resume_of(t, part_file=stat(9), unfinished=(), clean=False, doubtful=packed(1))
    for resume in (resume_of(t, 0, 5), other):
        for plain in (
            resume.plain(),
            json.loads(json.dumps(resume.plain())),
            pickle.loads(pickle.dumps(resume.plain())),
        ):
            assert Resume.of(plain, t.metainfo) == resume


def test_what_an_earlier_version_wrote_has_no_doubts(t: Torrent) -> None:
    plain = resume_of(t, 0, 5).plain()
    assert plain.pop("doubtful") == ""
    assert Resume.of(plain, t.metainfo) == resume_of(t, 0, 5)


WRONG: List[Tuple[Any, str]] = [
    (None, "is no dictionary"),
    ({"version": 2}, "has version 2"),
    ({"version": None}, "has version None"),
    ({"infohash": "00" * 20}, "is for the torrent 0000"),
    ({"infohash": 7}, "infohash is no text"),
    ({"infohash": "no hex"}, "hex"),
    ({"have": "ff"}, "spare bits"),
    ({"have": "0000"}, "2 bytes"),
    ({"have": []}, "have is no text"),
    ({"doubtful": None}, "doubtful is no text"),
    ({"doubtful": "ff"}, "spare bits"),
    ({"files": []}, "has 0 files, the torrent 5"),
    ({"files": {}}, "files is no list"),
    ({"files": [[1, 2]] * 5}, "files has"),
    ({"files": [[1, 2, True]] * 5}, "files has"),
    ({"part_file": "x"}, "part_file has"),
    ({"unfinished": [[6, "80"]]}, "unfinished has"),
    ({"unfinished": [[-1, "80"]]}, "unfinished has"),
    ({"unfinished": [[0, "ff"]]}, "spare bits"),
    ({"unfinished": [[0]]}, "unfinished has"),
    ({"unfinished": None}, "unfinished is no list"),
]


@pytest.mark.parametrize(("changes", "reason"), WRONG)
def test_what_is_no_resume_data_is_refused_with_a_reason(t: Torrent, changes: Any, reason: str) -> None:
    plain = changes if changes is None else {**resume_of(t).plain(), **changes}
    with pytest.raises(ValueError, match=reason):
        Resume.of(plain, t.metainfo)


# -- what it is worth ----------------------------------------------------------------------------------------------


def checked_files(resume: Resume, **changes: Any) -> CheckedFiles:
    return CheckedFiles(tuple(range(COUNT)), None, resume.files, resume.part_file)._replace(**changes)


def changed(resume: Resume, index: int, now: FileStat | None) -> tuple[FileStat | None, ...]:
    return (*resume.files[:index], now, *resume.files[index + 1 :])


def test_files_that_are_as_they_were_are_believed(t: Torrent) -> None:
    resume = resume_of(t, 0, 2, 4)
    trust = compare(resume, checked_files(resume), t.metainfo)
    assert bytes(trust.have) == packed(0, 2, 4)
    assert trust.unfinished == ((3, b"\x80"), (5, b"\x80"))
    assert (trust.suspects, trust.missing) == ((), ())


@pytest.mark.parametrize("field", FileStat._fields)
def test_pieces_of_a_changed_file_are_hashed_claimed_or_not(t: Torrent, field: str) -> None:
    resume = resume_of(t, 0, 1, 2, 4)
    now = changed(resume, B, stat(2)._replace(**{field: 77}))
    trust = compare(resume, checked_files(resume, files=now), t.metainfo)
    assert bytes(trust.have) == packed(0, 4)
    assert trust.suspects == (1, 2, 3)
    assert trust.unfinished == ((5, b"\x80"),)
    assert trust.missing == ()


def test_doubtful_pieces_are_hashed_though_no_file_changed(t: Torrent) -> None:
    resume = resume_of(t, 0, 2, 4, doubtful=packed(1, 3, 5))
    trust = compare(resume, checked_files(resume, present=(0, 1, 2, 3, 4)), t.metainfo)
    assert (bytes(trust.have), trust.suspects, trust.unfinished) == (packed(0, 2, 4), (1, 3), ())


def test_only_pieces_that_are_there_are_hashed(t: Torrent) -> None:
    resume = resume_of(t, 0, 1)
    now = changed(resume, B, stat(7))
    trust = compare(resume, checked_files(resume, files=now, present=(0, 1, 2)), t.metainfo)
    assert trust.suspects == (1, 2)


def test_a_file_that_is_gone_is_told(t: Torrent) -> None:
    resume = resume_of(t, *range(COUNT))
    trust = compare(resume, checked_files(resume, files=changed(resume, C, None), present=(0, 1, 2, 3)), t.metainfo)
    assert trust.missing == (C,)
    assert bytes(trust.have) == packed(0, 1, 2, 3)
    assert trust.suspects == ()


def test_a_file_that_is_gone_is_back_only_as_it_was(t: Torrent) -> None:
    resume = resume_of(t, *range(COUNT))
    now = checked_files(resume, files=changed(resume, C, stat(77)))
    assert compare(resume, now, t.metainfo).missing == ()
    assert compare(resume, now, t.metainfo, gone=[C]).missing == (C,)
    back = compare(resume, checked_files(resume), t.metainfo, gone=[C])
    assert (back.have.full, back.missing) == (True, ())


def test_a_file_that_was_not_seen_is_not_missing_and_not_believed(t: Torrent) -> None:
    resume = resume_of(t, *range(COUNT))
    for then in (resume.files[C], None):
        before = resume._replace(files=changed(resume, C, then))
        trust = compare(before, checked_files(resume, files=changed(resume, C, None), unseen=(C,)), t.metainfo)
        assert (bytes(trust.have), trust.missing) == (packed(0, 1, 2, 3), ())


def test_a_file_that_appeared_is_hashed(t: Torrent) -> None:
    resume = resume_of(t, 0)
    before = resume._replace(files=changed(resume, C, None))
    assert compare(before, checked_files(resume), t.metainfo).suspects == (4, 5)


def test_empty_files_and_padding_prove_nothing(t: Torrent) -> None:
    resume = resume_of(t, *range(COUNT))
    now = changed(resume, EMPTY, None)
    trust = compare(resume, checked_files(resume, files=now), t.metainfo)
    assert (trust.have.full, trust.missing) == (True, ())


@pytest.mark.parametrize("now", [stat(8), None])
def test_pieces_in_a_changed_part_file_are_hashed(t: Torrent, now: FileStat | None) -> None:
    resume = resume_of(t, 0, 1, 4, part_file=stat(9))
    resume = resume._replace(files=changed(resume, B, None))
    same = compare(resume, checked_files(resume), t.metainfo)
    assert bytes(same.have) == packed(0, 1, 4)
    other = compare(resume, checked_files(resume, part_file=now, present=(0, 1, 4, 5)), t.metainfo)
    assert bytes(other.have) == packed(0, 4)
    assert other.suspects == (1,)


def test_unfinished_pieces_need_a_clean_stop(t: Torrent) -> None:
    resume = resume_of(t, clean=False)
    assert compare(resume, checked_files(resume), t.metainfo).unfinished == ()


def other_inodes(resume: Resume) -> tuple[FileStat | None, ...]:
    return tuple([stat and stat._replace(inode=stat.inode + 1000) for stat in resume.files])


def test_files_that_all_have_other_inodes_may_be_the_same(t: Torrent) -> None:
    resume = resume_of(t, 0, 1, 2)
    now = other_inodes(resume)
    found = renumbered(resume, checked_files(resume, files=now))
    assert found == resume._replace(files=now)
    assert renumbered(resume, checked_files(resume)) is None, "as they were"
    assert renumbered(resume, checked_files(resume, files=(resume.files[0], *now[1:]))) is None, "one is as it was"
    assert now[0] is not None
    for changed_file in (None, now[0]._replace(mtime_ns=5), now[0]._replace(size=5)):
        assert renumbered(resume, checked_files(resume, files=(changed_file, *now[1:]))) is None
    assert renumbered(resume, checked_files(resume, files=now, part_file=stat(5))) is None


def test_a_sample_is_a_piece_of_each_of_some_files() -> None:
    many = torrent([(f"{index}", 200) for index in range(40)], 100)
    stats = tuple(stat(index) for index in range(40))
    resume = Resume(many.metainfo.infohash, b"\xff" * 10, stats)
    found = sample(resume, many.metainfo, random.Random(1))
    assert len(found) == SAMPLE == len({piece // 2 for piece in found}) and found == sorted(found)
    assert found != sample(resume, many.metainfo, random.Random(2))
    few = resume._replace(have=b"\xf0" + bytes(9), doubtful=b"\x30" + bytes(9))
    assert {*sample(few, many.metainfo, random.Random(3))} < {0, 1}
    assert sample(resume._replace(have=bytes(10)), many.metainfo, random.Random(4)) == []


def test_a_survey_that_failed_proves_nothing(t: Torrent) -> None:
    resume = resume_of(t, *range(COUNT))
    trust = compare(resume, CheckedFiles((), StorageError("x")), t.metainfo)
    assert trust.have.empty


STATS = st.none() | st.builds(FileStat, st.integers(), st.integers(), st.integers())
BITS = st.sets(st.integers(0, COUNT - 1)).map(lambda pieces: packed(*pieces))
PROPERTY = torrent(FILES, 100).metainfo
"""Pieces of 100 bytes are of one block."""


@st.composite
def resumes(draw: st.DrawFn) -> Resume:
    """Whatever a client may remember."""
    return Resume(
        infohash=PROPERTY.infohash,
        have=draw(BITS),
        files=draw(st.tuples(*[STATS] * len(FILES))),
        part_file=draw(STATS),
        unfinished=tuple((index, b"\x80") for index in draw(st.sets(st.integers(0, COUNT - 1)))),
        clean=draw(st.booleans()),
        names=draw(st.sampled_from([(), ((A, ("t", "other")),), ((A, ("t", "b")), (B, ("t", "a")))])),
        doubtful=draw(st.just(b"") | BITS),
    )


@given(resumes())
def test_whatever_is_remembered_comes_back_by_json(resume: Resume) -> None:
    assert Resume.of(json.loads(json.dumps(resume.plain())), PROPERTY) == resume


@given(resumes(), st.data())
def test_a_piece_is_believed_if_each_of_its_files_is_as_it_was(resume: Resume, data: st.DataObject) -> None:
    fates = [data.draw(st.sampled_from(["same", "same", "gone", "changed", "unseen"]), name) for name, _ in FILES]
    files = tuple(
        {"same": then, "changed": FileStat(1, 2, number)}.get(fate)
        for number, (fate, then) in enumerate(zip(fates, resume.files))
    )
    present = tuple(sorted(data.draw(st.sets(st.integers(0, COUNT - 1)), "present")))
    part_file = data.draw(st.just(resume.part_file) | STATS, "part file")
    unseen = tuple(index for index, fate in enumerate(fates) if fate == "unseen")
    trust = compare(resume, CheckedFiles(present, None, files, part_file, unseen), PROPERTY)

    def as_it_was(index: int) -> bool:
        # Of a file that never was there the part file has what there is; padding and empty files have nothing.
        now, then = files[index], resume.files[index]
        if index in (PAD, EMPTY):
            return True
        return index not in unseen and now == then and (now is not None or part_file == resume.part_file)

    doubtful = Bitfield(COUNT, resume.doubtful or None)
    sound = [
        piece
        for piece in range(COUNT)
        if not doubtful[piece] and all(as_it_was(span.file) for span in PROPERTY.layout.piece_spans(piece))
    ]
    have = Bitfield(COUNT, resume.have)
    assert list(trust.have.indexes()) == [piece for piece in sound if have[piece]]
    assert trust.unfinished == tuple(entry for entry in resume.unfinished if resume.clean and entry[0] in sound)
    assert trust.suspects == tuple(piece for piece in present if piece not in sound)
    missing = [
        index
        for index, then in enumerate(resume.files)
        if index not in (PAD, EMPTY, *unseen) and then is not None and then.size and files[index] is None
    ]
    assert list(trust.missing) == missing


# -- the file ------------------------------------------------------------------------------------------------------


@pytest.fixture
def system() -> System:
    return System()


@pytest.fixture
def file(tmp_path: Path, system: System) -> ResumeFile:
    return ResumeFile(Folder(str(tmp_path), system=system), PARTS)


def place(root: Path, suffix: str = "") -> Path:
    return root / PARTS[0] / (PARTS[1] + suffix)


def test_the_first_start_finds_nothing_and_complains_about_nothing(file: ResumeFile, t: Torrent) -> None:
    assert file.load(t.metainfo) == (None, ())


def test_what_is_stored_is_loaded(file: ResumeFile, t: Torrent, tmp_path: Path) -> None:
    for resume in (resume_of(t, 0), resume_of(t, 0, 1), resume_of(t, 0, 1, 2)):
        file.store(resume)
        assert file.load(t.metainfo) == (resume, ())
    assert sorted(path.name for path in place(tmp_path).parent.iterdir()) == ["t.resume", "t.resume.bak"]


def test_it_is_durable_before_it_takes_the_place_of_the_one_before(
    file: ResumeFile, t: Torrent, system: System
) -> None:
    file.store(resume_of(t, 0))
    system.calls.clear()
    file.store(resume_of(t, 1))
    order = system.named("pwritev", "fdatasync", "replace", "fsync")
    assert order == ["pwritev", "fdatasync", "replace", "replace", "fsync", "fsync"]


@pytest.mark.parametrize("call", ["open", "unlink", "pwritev", "fdatasync", "stat", "replace", "fsync"])
def test_a_fault_anywhere_leaves_something_to_load(tmp_path: Path, t: Torrent, call: str) -> None:
    for after in range(12):
        root = tmp_path / f"{after}"
        system = System()
        file = ResumeFile(Folder(str(root), system=system), PARTS)
        file.store(resume_of(t, 0))
        file.store(resume_of(t, 1))
        system.fail(call, errno.ENOSPC, after=after, times=1)
        try:
            file.store(resume_of(t, 2))
        except StorageError as error:
            assert error.errno == errno.ENOSPC
        system.heal(call)
        resume, _ = file.load(t.metainfo)
        assert resume in (resume_of(t, 1), resume_of(t, 2))
        file.store(resume_of(t, 3))
        assert file.load(t.metainfo) == (resume_of(t, 3), ())


def test_the_reason_against_a_planted_file_is_short(file: ResumeFile, t: Torrent, tmp_path: Path) -> None:
    long = "x\x1b" * 5000
    for planted in ({"version": long}, {**resume_of(t, 0).plain(), "names": [[0, ["t", long]]]}):
        body = json.dumps(planted).encode()
        place(tmp_path).parent.mkdir(exist_ok=True)
        place(tmp_path).write_bytes(
            b"bittorrent_threads resume\n" + hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        )
        resume, (reason,) = file.load(t.metainfo)
        assert resume is None
        assert reason.startswith(f"{place(tmp_path)}: ")
        assert len(reason) < len(str(place(tmp_path))) + 310 and reason.isprintable()


def test_garbled_anywhere_the_one_before_is_used(file: ResumeFile, t: Torrent, tmp_path: Path) -> None:
    file.store(resume_of(t, 0))
    file.store(resume_of(t, 1))
    data = place(tmp_path).read_bytes()
    spoilt = [data[:length] for length in range(len(data))]
    for position in range(len(data)):
        spoilt.append(data[:position] + bytes([data[position] ^ 0x20]) + data[position + 1 :])
    for wrong in spoilt:
        place(tmp_path).write_bytes(wrong)
        resume, reasons = file.load(t.metainfo)
        assert resume == resume_of(t, 0)
        assert len(reasons) == 1 and str(place(tmp_path)) in reasons[0]


def test_with_both_gone_bad_there_is_nothing_but_reasons(file: ResumeFile, t: Torrent, tmp_path: Path) -> None:
    file.store(resume_of(t, 0))
    file.store(resume_of(t, 1))
    place(tmp_path).write_bytes(b"")
    place(tmp_path, ".bak").write_bytes(b"[" * 100_000)
    resume, reasons = file.load(t.metainfo)
    assert resume is None
    assert len(reasons) == 2


def test_without_the_newest_the_one_before_is_used(file: ResumeFile, t: Torrent, tmp_path: Path) -> None:
    """A kill between the two renames."""
    file.store(resume_of(t, 0))
    place(tmp_path).rename(place(tmp_path, ".bak"))
    assert file.load(t.metainfo) == (resume_of(t, 0), ())


def test_what_was_stored_last_is_known_until_the_file_is_another(file: ResumeFile, t: Torrent) -> None:
    stored = resume_of(t, 0)
    file.store(stored)
    assert file.load(t.metainfo)[0] is stored
    ResumeFile(file.folder, file._parts).store(resume_of(t, 1))
    assert file.load(t.metainfo)[0] == resume_of(t, 1)
    file.remove()
    assert file.load(t.metainfo) == (None, ())


def test_of_another_torrent_it_is_not_used(file: ResumeFile, t: Torrent) -> None:
    file.store(resume_of(t, 0))
    other = torrent(FILES, 100, seed=2)
    resume, reasons = file.load(other.metainfo)
    assert resume is None
    assert t.metainfo.infohash.hex() in reasons[0]


def test_a_file_too_large_is_not_read(file: ResumeFile, t: Torrent, tmp_path: Path, system: System) -> None:
    file.store(resume_of(t, 0))
    os.truncate(place(tmp_path), Bounds.of(t.metainfo).size + 1)
    system.calls.clear()
    resume, reasons = file.load(t.metainfo)
    assert resume is None and "are the most for this torrent" in reasons[0]
    assert system.named("pread") == []


def test_a_file_of_too_many_values_is_not_taken_apart(
    file: ResumeFile, t: Torrent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.store(resume_of(t, 0))
    monkeypatch.setattr(json, "loads", lambda text: pytest.fail("it was taken apart"))
    bounds = Bounds.of(t.metainfo)
    for text in (b"[" * (bounds.values + 1), b'["' + b"," * (bounds.values + 1) + b'"]', b'{"":' * (bounds.values + 1)):
        assert len(text) < bounds.size - 200
        place(tmp_path).write_bytes(_sealed(text))
        resume, reasons = file.load(t.metainfo)
        assert resume is None and "values, where" in reasons[0]


@pytest.mark.parametrize(("files", "length", "piece_length"), [(1, 2**35, 2**29), (300, 5, 1), (3, 2**20, 16384)])
def test_all_that_may_be_known_of_a_torrent_fits(tmp_path: Path, files: int, length: int, piece_length: int) -> None:
    count = -(-files * length // piece_length)
    entries = [{"length": length, "path": [f"{number}"]} for number in range(files)]
    info = {"name": "t", "files": entries, "piece length": piece_length, "pieces": bytes(20 * count)}
    metainfo = Metainfo.parse(bencode({"info": info}))
    full = bytes(Bitfield.filled(count))
    layout = metainfo.layout
    resume = Resume(
        infohash=metainfo.infohash,
        have=full,
        files=(FileStat(2**63, -(2**63), 2**128),) * files,
        part_file=FileStat(2**63, 2**63, 2**128),
        unfinished=tuple((index, bytes(Bitfield.filled(layout.block_count(index)))) for index in range(count)),
        names=tuple((index, ("名" * 80, "b", f"{index}")) for index in range(files)),
        doubtful=full,
    )
    file = ResumeFile(Folder(str(tmp_path)), PARTS)
    file.store(resume)
    assert file.load(metainfo) == (resume, ())


def test_a_link_is_neither_read_nor_written_through(file: ResumeFile, t: Torrent, tmp_path: Path) -> None:
    file.store(resume_of(t, 0))
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    place(tmp_path).unlink()
    for suffix in ("", ".new"):
        place(tmp_path, suffix).symlink_to(victim)
    assert file.load(t.metainfo)[0] is None
    with pytest.raises(StorageError):
        file.store(resume_of(t, 1))
    assert victim.read_bytes() == b"kept"


# -- kill -9 -------------------------------------------------------------------------------------------------------

VICTIM = """
import sys
sys.path[:0] = sys.argv[2:]
from support.torrents import torrent
from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.hash_buffer import HashBuffers
from bittorrent_threads.disk.resume import Resume, ResumeFile
from bittorrent_threads.metainfo.bitfield import Bitfield

t = torrent([(f"x{number}", 25_000) for number in range(8)], 10_000)
folder = Folder(sys.argv[1])
content = Content(t.metainfo, folder, FilePool(3))
file = ResumeFile(folder, (".bittorrent_threads", "r"))
content.check_files()
content.prepare([True, False] * 4)
pieces = Pieces(t.metainfo, content, HashBuffers())
have = Bitfield(20)
while True:
    for index in range(20):
        assert pieces.save(t.buffers(index)).error is None
        have.set(index)
        if index % 3 == 0:
            synced = content.sync()
            assert synced.error is None
            file.store(Resume(t.metainfo.infohash, bytes(have), synced.files, synced.part_file))
            print(have.count, flush=True)
"""


@pytest.fixture
def pool() -> Iterator[FilePool]:
    pool = FilePool(3)
    yield pool
    pool.close()


def test_a_kill_at_any_moment_loses_nothing_that_was_remembered(tmp_path: Path, pool: FilePool) -> None:
    t = torrent([(f"x{number}", 25_000) for number in range(8)], 10_000)
    source = random.Random(3)
    root = Path(__file__).parents[2]
    for turn in range(6):
        folder = Folder(str(tmp_path / f"{turn}"))
        child = subprocess.Popen(
            [sys.executable, "-c", VICTIM, folder.root, str(root), str(root / "tests")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        told: List[int] = []
        for _ in range(source.randrange(1, 12)):
            told.append(int(child.stdout.readline()))
        for _ in range(source.randrange(3000)):
            pass  # not always at the same place between two lines
        child.send_signal(signal.SIGKILL)
        child.stdout.close()
        child.wait()
        resume, _ = ResumeFile(folder, (".bittorrent_threads", "r")).load(t.metainfo)
        assert resume is not None
        assert Bitfield(20, resume.have).count >= max(told)
        content = Content(t.metainfo, folder, pool)
        trust = compare(resume, content.check_files(), t.metainfo)
        content.prepare([True, False] * 4)
        pieces = Pieces(t.metainfo, content, HashBuffers())
        right = set(pieces.check(range(20)).passed)
        assert set(trust.have.indexes()) <= right
        assert set(Bitfield(20, resume.have).indexes()) <= right
        assert set(Bitfield(20, resume.have).indexes()) <= {*trust.have.indexes(), *trust.suspects}
        content.close()
