from __future__ import annotations

from pathlib import Path

import pytest
from support.torrents import torrent

from bittorrent_threads.disk.content import Content
from bittorrent_threads.disk.epochs import Epochs
from bittorrent_threads.disk.file_pool import FilePool
from bittorrent_threads.disk.folder import Folder

A, B = 0, 1
T = torrent([("a", 150), ("b", 150)], 100)
"""Piece 1 is in both files."""


@pytest.fixture
def content(tmp_path: Path) -> Content:
    T.seed(tmp_path)
    content = Content(T.metainfo, Folder(str(tmp_path)), FilePool(4))
    content.check_files()
    return content


@pytest.fixture
def epochs(content: Content) -> Epochs:
    return content.epochs


def change(content: Content, index: int) -> None:
    path = Path(content.files[index].path)
    path.write_bytes(path.read_bytes() + b"more")
    content.check_files()


def test_every_piece_is_trusted_before_a_change(epochs: Epochs) -> None:
    assert not epochs.changed
    assert epochs.changed_files() == ()
    assert all(epochs.of(index) == 0 and epochs.trusted(index, 0) for index in range(3))


def test_the_pieces_of_a_changed_file_are_in_doubt_until_they_are_vouched_for(content: Content, epochs: Epochs) -> None:
    change(content, A)
    path = content.files[A].path
    assert epochs.changed
    assert [epochs.of(index) for index in range(3)] == [1, 1, 0]
    assert epochs.changed_files() == ((path, (0, 1)),)
    assert epochs.changed_path(1) == path
    epochs.mark_right(0, 1)
    assert epochs.changed_files() == ((path, (1,)),)
    epochs.mark_right(1, 1)
    assert epochs.changed_files() == ()
    change(content, B)
    assert [epochs.trusted(index, epochs.of(index)) for index in range(3)] == [True, False, False]


def test_an_earlier_epoch_vouches_for_nothing(content: Content, epochs: Epochs) -> None:
    change(content, A)
    change(content, A)
    epochs.mark_right(0, 1)
    epochs.mark_right(1, 0)
    assert not epochs.trusted(0, epochs.of(0))
    assert not epochs.trusted(1, epochs.of(1))
