"""Sample torrents: the same arguments give the same bytes, and the library reads what they are."""

from __future__ import annotations

from pathlib import Path

import bittorrent_threads as bt
from bittorrent_threads.testing import SampleTorrent

FILES = {"a.bin": 40_000, "sub/b.bin": 5, "empty": 0}


def sample() -> SampleTorrent:
    return SampleTorrent(FILES, piece_length=16384, name="some")


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert sample().stream() == sample().stream()
    assert sample().infohash == sample().infohash
    assert SampleTorrent(100, name="a").stream() != SampleTorrent(100, name="b").stream()
    assert repr(sample()) == "<SampleTorrent some: 40005 bytes in 3 files>"


def test_the_library_reads_the_torrent(tmp_path: Path) -> None:
    metainfo = bt.Metainfo.load(sample().write_torrent(tmp_path, ["http://a/announce"], ["http://b/announce"]))
    assert (metainfo.infohash, metainfo.name, metainfo.total_size) == (sample().infohash, "some", 40_005)
    assert metainfo.piece_count == sample().piece_count == 3
    assert metainfo.trackers == (("http://a/announce",), ("http://b/announce",))
    files = [("some/" + path, length) for path, length in FILES.items()]
    assert [("/".join(entry.path), entry.length) for entry in metainfo.files] == files


def test_a_number_is_a_single_file(tmp_path: Path) -> None:
    single = SampleTorrent(40_000)
    assert (
        bt.Metainfo.parse(single.metainfo()).infohash
        == bt.create(single.path(single.write(tmp_path)), piece_length=16384).infohash
    )
    assert single.path(tmp_path).read_bytes() == single.data() == single.stream()


def test_every_difference_is_named(tmp_path: Path) -> None:
    assert sample().differences(sample().write(tmp_path)) == []
    sample().write_garbage(tmp_path)
    (tmp_path / "some" / "sub" / "b.bin").write_bytes(b"1234567")
    (tmp_path / "some" / "empty").unlink()
    (tmp_path / "some" / "more").touch()
    found = [line.replace(str(tmp_path / "some"), "some") for line in sample().differences(tmp_path)]
    assert found == [
        "some/a.bin has the wrong bytes",
        "some/sub/b.bin has 7 bytes instead of 5",
        "some/empty is missing",
        "some/more should not be there",
    ]
    assert len(sample().differences(tmp_path, ignore_empty=True)) == 3
