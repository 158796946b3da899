from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.resumes import COUNT, EMPTY, FILES, PAD, PROPERTY, STATS, B, C, packed, resume_of, resumes, stat
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.file import FileStat
from bittorrent_threads.disk.results import CheckedFiles
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.disk.resume_trust import SAMPLE, compare, renumbered, sample
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.bitfield import Bitfield


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


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
    assert len(found) == SAMPLE == len({piece // 2 for piece in found})
    assert found == sorted(found)
    assert found != sample(resume, many.metainfo, random.Random(2))
    few = resume._replace(have=b"\xf0" + bytes(9), doubtful=b"\x30" + bytes(9))
    assert {*sample(few, many.metainfo, random.Random(3))} < {0, 1}
    assert sample(resume._replace(have=bytes(10)), many.metainfo, random.Random(4)) == []


def test_a_survey_that_failed_proves_nothing(t: Torrent) -> None:
    resume = resume_of(t, *range(COUNT))
    trust = compare(resume, CheckedFiles((), StorageError("x")), t.metainfo)
    assert trust.have.empty


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
    page_cache = data.draw(st.sampled_from(["", "boot 1", "boot 2"]), "page cache")
    now = CheckedFiles(present, None, files, part_file, unseen, page_cache=page_cache)
    trust = compare(resume, now, PROPERTY)

    def as_it_was(index: int) -> bool:
        # Of a file that never was there the part file has what there is; padding and empty files have nothing.
        now, then = files[index], resume.files[index]
        if index in (PAD, EMPTY):
            return True
        return index not in unseen and now == then and (now is not None or part_file == resume.part_file)

    doubtful = Bitfield(COUNT, resume.doubtful or None)
    have = Bitfield(COUNT, resume.have)
    cached = Bitfield(COUNT, resume.unsynced or None)
    lost = bool(resume.page_cache) and resume.page_cache != page_cache
    for piece in () if lost else cached.indexes():
        doubtful.clear(piece)
        have.set(piece)
    sound = [
        piece
        for piece in range(COUNT)
        if not doubtful[piece] and all(as_it_was(span.file) for span in PROPERTY.layout.piece_spans(piece))
    ]
    assert list(trust.have.indexes()) == [piece for piece in sound if have[piece]]
    usable = resume.clean and not lost
    assert trust.unfinished == tuple(entry for entry in resume.unfinished if usable and entry[0] in sound)
    assert set(trust.unsynced).issuperset(piece for piece in sound if cached[piece] and not lost)
    assert trust.suspects == tuple(piece for piece in present if piece not in sound)
    missing = [
        index
        for index, then in enumerate(resume.files)
        if index not in (PAD, EMPTY, *unseen) and then is not None and then.size and files[index] is None
    ]
    assert list(trust.missing) == missing


CACHED = {"doubtful": packed(1, 4), "unsynced": packed(1, 4), "page_cache": "boot 1"}
"""Pieces 1 and 4 were not synced."""


def test_what_was_not_synced_is_believed_as_long_as_it_is_in_the_page_cache(t: Torrent) -> None:
    resume = resume_of(t, 0, 2, **CACHED)
    trust = compare(resume, checked_files(resume, page_cache="boot 1"), t.metainfo)
    assert bytes(trust.have) == packed(0, 1, 2, 4)
    assert trust.unfinished == ((3, b"\x80"), (5, b"\x80"))
    assert trust.unsynced == (1, 3, 4, 5)
    assert trust.suspects == ()


@pytest.mark.parametrize("page_cache", ["boot 2", ""], ids=["another boot", "unknown"])
def test_what_was_not_synced_is_hashed_after_a_power_cut(t: Torrent, page_cache: str) -> None:
    resume = resume_of(t, 0, 2, **CACHED)
    trust = compare(resume, checked_files(resume, page_cache=page_cache), t.metainfo)
    assert bytes(trust.have) == packed(0, 2)
    assert trust.suspects == (1, 4)
    assert (trust.unfinished, trust.unsynced) == ((), ())


def test_what_was_not_synced_is_hashed_if_its_file_changed(t: Torrent) -> None:
    resume = resume_of(t, 0, 2, **CACHED)
    now = changed(resume, B, stat(77))
    trust = compare(resume, checked_files(resume, files=now, page_cache="boot 1"), t.metainfo)
    assert bytes(trust.have) == packed(0, 4)
    assert trust.suspects == (1, 2, 3)
    assert trust.unsynced == (4, 5)


def test_two_systems_that_name_no_page_cache_do_not_have_the_same(t: Torrent) -> None:
    resume = resume_of(t, 0, 2, **{**CACHED, "page_cache": ""})
    trust = compare(resume, checked_files(resume), t.metainfo)
    assert bytes(trust.have) == packed(0, 2)
    assert (trust.suspects, trust.unsynced) == ((1, 4), ())
