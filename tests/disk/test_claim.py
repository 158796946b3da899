from __future__ import annotations

import os
from typing import List, Set

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.claims import SAME, A, B, claim

from bittorrent_threads.disk.claim import Claim, FileInUse, path_hashes, refuse_conflicts
from bittorrent_threads.disk.folder import Parts

PATHS = st.lists(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4).map(tuple), unique=True)
ROOTS = st.sampled_from(["/d", "/d/a", "/d/a/b", "/d/ab", "/e", "/"])


def on(paths: List[Parts], *, writing: bool = True) -> Claim:
    return Claim.of(A.metainfo, paths, writing=writing)


def absolute(root: str, claim: Claim) -> Set[str]:
    return {os.path.join(root, path) for path in claim.paths.values()}


@given(PATHS, PATHS, st.booleans())
def test_other_paths_of_a_torrent_are_claimed_as_if_they_were_the_first(
    before: List[Parts], after: List[Parts], writing: bool
) -> None:
    assert on(before).at(after, writing=writing) == on(after, writing=writing)


@given(PATHS, ROOTS, ROOTS)
def test_a_claim_below_another_folder_is_on_the_same_files(paths: List[Parts], folder: str, other: str) -> None:
    found = on(paths).below(folder, other)
    assert absolute(other, found) == {
        path for path in absolute(folder, on(paths)) if path.startswith(os.path.join(other, ""))
    }
    assert found.paths == path_hashes(found.paths.values())


@given(PATHS, PATHS, st.booleans(), st.booleans(), st.booleans())
def test_a_conflict_is_a_shared_path_that_is_written(
    mine: List[Parts], theirs: List[Parts], writing: bool, other_writing: bool, same: bool
) -> None:
    first = on(mine, writing=writing)
    second = Claim.of((SAME if same else B).metainfo, theirs, writing=other_writing)
    shared = {"/".join(path) for path in mine} & {"/".join(path) for path in theirs}
    excluded = writing and other_writing if same else writing or other_writing
    assert first.conflict(second) == (min(shared) if shared and excluded else None)
    assert (second.conflict(first) is None) == (first.conflict(second) is None)


def test_the_error_names_the_file_and_the_other_torrent() -> None:
    with pytest.raises(FileInUse, match="is being written by another torrent, 't'") as caught:
        refuse_conflicts([claim(A)], claim(B), "/d", "in this session")
    assert caught.value.path == "/d/t/x"
    assert A.metainfo.infohash.hex() in caught.value.reason
    made = claim(A)._replace(origin="notes.py, line 3")
    with pytest.raises(FileInUse, match=r"in this session, by the client made at notes\.py, line 3; close that one"):
        refuse_conflicts([made], claim(B), "/d", "in this session")
    refuse_conflicts([claim(A, writing=False)], claim(B, writing=False), "/d", "in this session")
