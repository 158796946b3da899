from __future__ import annotations

from urllib.parse import quote

import pytest

from bittorrent_threads.metainfo.file_list import TorrentFile
from bittorrent_threads.serving.catalogue import Catalogue

FILES = (
    TorrentFile(("t", "a b.mp4"), 5),
    TorrentFile(("t", ".pad", "3"), 3, pad=True),
    TorrentFile(("t", "sub", "\u00e4 100%?#&+\u4e2d.txt"), 7),
    TorrentFile(("t", ".pad", "3"), 3, pad=True),
    TorrentFile(("t", "\ud800"), 1),
)
CATALOGUE = Catalogue(bytes(range(20)), FILES)


def test_entries_are_the_files_without_padding() -> None:
    assert [entry.file_index for entry in CATALOGUE.entries] == [0, 2, 4]
    first = CATALOGUE.entries[0]
    assert first == (0, "t/a b.mp4", "/t/a%20b.mp4", 5, "video/mp4", f'"{bytes(range(20)).hex()}-0"')
    assert len({entry.tag for entry in CATALOGUE.entries}) == 3
    assert len(CATALOGUE.paths) == 5


def test_every_file_is_found_by_its_path_however_it_is_encoded() -> None:
    for entry in CATALOGUE.entries:
        assert CATALOGUE.find(entry.path) == entry
    found = CATALOGUE.find("/" + quote("t/sub/\u00e4 100%?#&+\u4e2d.txt", safe="/+&"))
    assert found is not None
    assert found.file_index == 2
    assert CATALOGUE.find("/%74/a%20b%2emp4") == CATALOGUE.entries[0]


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/t", "/t/", "t/a%20b.mp4", "/t//a%20b.mp4", "/t/a+b.mp4", "/T/a%20b.mp4", "/t/.pad/3"),
        *("/t/./a%20b.mp4", "/t/sub/../a%20b.mp4", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/etc/passwd"),
        *("/t/a%20b.mp4%00", "/t/a%20b.mp4/", "/%", "/t/a%2", "/\\t\\a b.mp4", "/t/%c3"),
    ],
)
def test_nothing_else_is_found(path: str) -> None:
    assert CATALOGUE.find(path) is None
