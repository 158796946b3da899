"""``magnet``: the link of a .torrent file."""

from __future__ import annotations

from pathlib import Path

from support.command import CONTENT, Run

import bittorrent_threads as bt
from bittorrent_threads.testing.bencode import bencode


def test_the_link_of_a_torrent(run: Run, tmp_path: Path) -> None:
    torrent = CONTENT.write_torrent(tmp_path, ["http://t.example/announce"])
    ran = run("magnet", torrent, "--peer", "192.0.2.7:6881", "--peer", "[::1]:1")
    assert (ran.code, ran.err) == (0, "")
    magnet = bt.Magnet.parse(ran.out.strip())
    assert (magnet.infohash, magnet.name, magnet.trackers) == (CONTENT.infohash, "some", ("http://t.example/announce",))
    assert magnet.peers == (("192.0.2.7", 6881), ("::1", 1))


def test_as_json(run: Run, torrent: Path) -> None:
    ran = run("magnet", torrent, "--json")
    found = ran.document
    assert bt.Magnet.parse(found.pop("magnet")).infohash == CONTENT.infohash
    assert found == {"command": "magnet", "infohash": CONTENT.infohash.hex(), "exit_code": 0, "error": None}


def test_a_link_of_a_link_is_that_link(run: Run) -> None:
    link = f"magnet:?xt=urn:btih:{CONTENT.infohash.hex()}&dn=other"
    assert run("magnet", link).out.strip() == str(bt.Magnet.parse(link))


def test_a_link_of_a_private_torrent_is_not_enough(run: Run, tmp_path: Path) -> None:
    info = {"length": 5, "name": "x", "piece length": 16384, "pieces": b"h" * 20, "private": 1}
    (tmp_path / "x.torrent").write_bytes(bencode({"info": info}))
    ran = run("magnet", tmp_path / "x.torrent")
    assert (ran.code, bt.Magnet.parse(ran.out.strip()).name) == (0, "x")
    assert "a link alone is not enough" in ran.err
