"""``Catalogue``: the files of a torrent as the server offers them: path, media type and entity tag."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

from ..metainfo.file_list import TorrentFile
from .content_types import content_type


class Entry(NamedTuple):
    """One file."""

    file_index: int
    """Index of the file in the torrent."""
    name: str
    """Its path in the torrent, with ``/`` between the components."""
    path: str
    """The path of its URL: ``/`` and the name, percent-encoded."""
    length: int
    """Bytes."""
    type: str
    """Media type."""
    tag: str
    """Entity tag, with its quotes.  It is strong, because the infohash fixes every byte."""


class Catalogue:
    """The files of one torrent, padding left out.

    Args:
        infohash: Infohash of the torrent, 20 bytes.
        files: Its files.
    """

    def __init__(self, infohash: bytes, files: Sequence[TorrentFile]) -> None:
        self.paths: Tuple[str, ...] = tuple([_url_path(file) for file in files])
        """The path of the URL of each file, padding included."""
        self.entries: Tuple[Entry, ...] = tuple(
            [
                Entry(
                    index,
                    "/".join(file.path),
                    self.paths[index],
                    file.length,
                    content_type(file.path[-1]),
                    f'"{infohash.hex()}-{index}"',
                )
                for index, file in enumerate(files)
                if not file.pad
            ]
        )
        """The files."""
        self._by_path: Dict[bytes, Entry] = {unquote_to_bytes(entry.path): entry for entry in self.entries}

    def find(self, path: str) -> Optional[Entry]:
        """Return the file of a path.

        Args:
            path: The path of a URL, percent-encoded in any way; ``..`` and ``.`` have no meaning.

        Returns:
            The file, None if there is none of this path.
        """
        return self._by_path.get(unquote_to_bytes(path))


def _url_path(file: TorrentFile) -> str:
    return "/" + "/".join([quote_from_bytes(part.encode("utf-8", "surrogatepass"), safe="") for part in file.path])
