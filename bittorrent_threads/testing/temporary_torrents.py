"""``temporary_torrent``: a torrent in a temporary folder, with its data and its .torrent."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Sequence, Union

from ..options import FolderPath
from .sample_torrent import KIB, SampleTorrent


class TemporaryTorrent(NamedTuple):
    """A torrent whose files and .torrent are on the disk."""

    sample: SampleTorrent
    """What it consists of."""
    path: Path
    """The .torrent."""
    data: Path
    """FolderPath with all its files: the ``basedir`` of a seeder."""
    downloads: Path
    """An empty folder: the ``basedir`` of a download."""

    @property
    def infohash(self) -> bytes:
        """The infohash, 20 bytes."""
        return self.sample.infohash

    def differences(self) -> Sequence[str]:
        """Return a sentence for each difference between ``downloads`` and what it should be; empty if all is right."""
        return self.sample.differences(self.downloads)


def place(sample: SampleTorrent, folder: FolderPath, *trackers: str) -> TemporaryTorrent:
    """Write the files and the .torrent of a sample into a folder.

    Args:
        sample: What to write.
        folder: Where.
        *trackers: Announce URLs of the .torrent.
    """
    root = Path(folder)
    data, downloads = root / "data", root / "downloads"
    sample.write(data)
    downloads.mkdir(parents=True, exist_ok=True)
    return TemporaryTorrent(sample, sample.write_torrent(root, *[[url] for url in trackers]), data, downloads)


@contextlib.contextmanager
def temporary_torrent(
    files: Union[int, Mapping[str, int]] = 100_000,
    *,
    piece_length: int = 16 * KIB,
    name: str = "sample",
    trackers: Sequence[str] = (),
) -> Iterator[TemporaryTorrent]:
    """Make a torrent in a temporary folder, which is deleted at the end of the block.

    ::

        with temporary_torrent({"a.bin": 300_000, "sub/b.bin": 5}) as torrent:
            with bt.Client(torrent.path, torrent.data, settings=quiet_settings()) as client:
                client.wait("checked")
                assert client.seed

    Args:
        files: Length in bytes of each file by its path; a number for a torrent of a single file.
        piece_length: Bytes of a piece.
        name: Name of the torrent.  Another name gives other bytes.
        trackers: Announce URLs of the .torrent.

    Yields:
        The torrent and its folders.
    """
    with tempfile.TemporaryDirectory(prefix="bittorrent-torrent-") as folder:
        yield place(SampleTorrent(files, piece_length=piece_length, name=name), folder, *trackers)
