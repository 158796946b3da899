"""Programs that make, change, read and download torrents."""

from __future__ import annotations

import contextlib
from typing import Any

import bittorrent_threads as bt

from .ground import LOCAL, PATIENCE, Ground
from .program import Storm


def created(ground: Ground, storm: Storm) -> None:
    """Make a torrent."""
    storm(lambda: bt.create(ground.data, piece_length=16384, threads=2, progress=lambda done, total: None))


def edited(ground: Ground, storm: Storm) -> None:
    """Change a .torrent file, which has the old content or the new one at every moment."""
    path = ground.folder / "data.torrent"
    ground.metainfo.save(path)

    def call() -> None:
        bt.edit(path, comment="one")
        bt.edit(path, comment="another")

    def whole() -> None:
        try:
            call()
        finally:
            assert bt.Metainfo.load(path).infohash == ground.metainfo.infohash

    storm(whole)
    call()
    assert bt.Metainfo.load(path).comment == "another"
    assert sorted(file.name for file in ground.folder.iterdir()) == ["data.torrent", "seed"]


def parsed(ground: Ground, storm: Storm) -> None:
    """Read, change and write metainfo and magnet links."""
    path = ground.folder / "parsed.torrent"

    def call() -> None:
        metainfo = ground.metainfo
        metainfo.edited(comment="another").save(path)
        same = {
            bt.Metainfo.load(path).infohash,
            bt.Metainfo.parse(metainfo.to_bytes()).infohash,
            bt.Metainfo.from_info(metainfo.info_bytes()).infohash,
            metainfo.with_pieces(metainfo.pieces).infohash,
            bt.Magnet.parse(str(metainfo.magnet())).infohash,
        }
        assert same == {metainfo.infohash}
        assert metainfo.piece_count * metainfo.piece_length >= metainfo.total_size
        assert metainfo.info_size == len(metainfo.info_bytes())
        assert repr(metainfo)
        assert metainfo._repr_html_()

    storm(call)
    call()


def downloaded(ground: Ground, storm: Storm) -> None:
    """Download from a seed."""
    with ground.client() as seed:
        seed.wait("checked", timeout=PATIENCE)
        options: Any = {"peers": [("127.0.0.1", seed.port)], "settings": LOCAL, "resume": False}

        def call() -> None:
            with contextlib.suppress(FileNotFoundError):
                (ground.folder / "down" / "data").unlink()
            bt.download(ground.metainfo, ground.folder / "down", timeout=PATIENCE, **options)

        storm(call)
