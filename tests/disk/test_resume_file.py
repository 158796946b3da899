from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import pytest
from support.resumes import FILES, resume_of
from support.system import System
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.hash_buffer import HashBuffers
from bittorrent_threads.disk.piece_io import Pieces
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_file import Bounds, ResumeFile, _sealed
from bittorrent_threads.disk.resume_trust import compare
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.testing.bencode import bencode

PARTS = (".hidden", "t.resume")


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


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


def test_the_metadata_is_stored_once_beside_it(file: ResumeFile, t: Torrent, system: System, tmp_path: Path) -> None:
    system.fail("pwritev", errno.ENOSPC, after=0, times=1)
    file.keep_metadata(t.metainfo)
    assert not place(tmp_path, ".info").exists(), "the disk was full"
    system.heal("pwritev")
    file.keep_metadata(t.metainfo)
    stored = place(tmp_path, ".info")
    assert stored.read_bytes() == t.metainfo.info_bytes()
    stored.unlink()
    file.keep_metadata(t.metainfo)
    assert not stored.exists(), "it was stored by this object"
    ResumeFile(file.folder, file._parts).keep_metadata(t.metainfo)
    written = stored.stat().st_mtime_ns
    ResumeFile(file.folder, file._parts).keep_metadata(t.metainfo)
    assert stored.stat().st_mtime_ns == written
    file.remove()
    assert not stored.exists()


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
        assert len(reason) < len(str(place(tmp_path))) + 310
        assert reason.isprintable()


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
        assert len(reasons) == 1
        assert str(place(tmp_path)) in reasons[0]


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
    assert resume is None
    assert "the limit for this torrent" in reasons[0]
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
        assert resume is None
        assert " values, more than" in reasons[0]


@pytest.mark.parametrize(
    ("files", "length", "piece_length"), [(1, 2**35, 2**29), (300, 5, 1), (3, 2**20, 16384), (20_000, 5, 16384)]
)
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
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_file import ResumeFile
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
