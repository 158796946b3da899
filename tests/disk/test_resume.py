from __future__ import annotations

import json
import pickle
from typing import Any, List, Tuple

import pytest
from hypothesis import given
from support.resumes import FILES, PROPERTY, packed, resume_of, resumes, stat
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.resume import Resume


@pytest.fixture
def t() -> Torrent:
    return torrent(FILES, 100)


def test_it_is_plain_data_and_back(t: Torrent) -> None:
    other = resume_of(t, part_file=stat(9), unfinished=(), clean=False, doubtful=packed(1))
    for resume in (resume_of(t, 0, 5), other, other._replace(unsynced=packed(1), page_cache="boot 1")):
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


def test_for_an_earlier_version_what_was_not_synced_is_doubtful(t: Torrent) -> None:
    plain = resume_of(t, 0, doubtful=packed(1), unsynced=packed(1), page_cache="boot 1").plain()
    known = {key: value for key, value in plain.items() if key not in ("unsynced", "page_cache")}
    assert Resume.of(known, t.metainfo).doubtful == packed(1)


WRONG: List[Tuple[Any, str]] = [
    (None, "is not a dictionary"),
    ({"version": 2}, "has version 2"),
    ({"version": None}, "has version None"),
    ({"infohash": "00" * 20}, "is for the torrent 0000"),
    ({"infohash": 7}, "infohash is not a string"),
    ({"infohash": "no hex"}, "hex"),
    ({"have": "ff"}, "spare bits"),
    ({"have": "0000"}, "2 bytes"),
    ({"have": []}, "have is not a string"),
    ({"doubtful": None}, "doubtful is not a string"),
    ({"doubtful": "ff"}, "spare bits"),
    ({"unsynced": "ff"}, "spare bits"),
    ({"unsynced": 7}, "unsynced is not a string"),
    ({"page_cache": None}, "page_cache is not a string"),
    ({"files": []}, "has 0 files, the torrent 5"),
    ({"files": {}}, "files is not a list"),
    ({"files": [[1, 2]] * 5}, "files has"),
    ({"files": [[1, 2, True]] * 5}, "files has"),
    ({"part_file": "x"}, "part_file has"),
    ({"unfinished": [[6, "80"]]}, "unfinished has"),
    ({"unfinished": [[-1, "80"]]}, "unfinished has"),
    ({"unfinished": [[0, "ff"]]}, "spare bits"),
    ({"unfinished": [[0]]}, "unfinished has"),
    ({"unfinished": None}, "unfinished is not a list"),
]


@pytest.mark.parametrize(("changes", "reason"), WRONG)
def test_what_is_no_resume_data_is_refused_with_a_reason(t: Torrent, changes: Any, reason: str) -> None:
    plain = changes if changes is None else {**resume_of(t).plain(), **changes}
    with pytest.raises(ValueError, match=reason):
        Resume.of(plain, t.metainfo)


@given(resumes())
def test_whatever_is_remembered_comes_back_by_json(resume: Resume) -> None:
    assert Resume.of(json.loads(json.dumps(resume.plain())), PROPERTY) == resume


def test_in_resume_data_of_earlier_versions_every_file_that_existed_is_own(t: Torrent) -> None:
    plain = resume_of(t, 0).plain()
    assert Resume.of(plain, t.metainfo).owned == b"\xd8", "all but the third of five"
    assert Resume.of({**plain, "own": "80"}, t.metainfo).owned == b"\x80"
