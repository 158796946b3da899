"""Torrents that have a file of one name, and their claims."""

from __future__ import annotations

import errno

import pytest
from support.torrents import Torrent, torrent

from bittorrent_threads.disk.claim import Claim
from bittorrent_threads.disk.claims import Claims
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError
from bittorrent_threads.metainfo.metainfo import Metainfo

A = torrent([("x", 10), ("y", 10)], 10)
B = torrent([("x", 10), ("z", 10)], 10, seed=2)
SAME = Torrent(Metainfo.parse(A.metainfo.to_bytes()[:-2] + b"6:source1:Tee"), A.data)
"""The content of A, for another tracker."""


def claim(t: Torrent, *, writing: bool = True) -> Claim:
    return Claim.of(t.metainfo, [entry.path for entry in t.metainfo.files], writing=writing)


def refused(claims: Claims, folder: Folder, asked: Claim) -> StorageError:
    with pytest.raises(StorageError) as caught:
        claims.take(folder, asked)
    assert caught.value.errno == errno.EBUSY
    return caught.value
