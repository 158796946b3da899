"""Which files of a torrent are its own: a file that holds something else is never written to.

The author of a torrent chooses its names, and a file of the user may have the same.  A file is the torrent's own if

- it was not there, or without a byte, when the torrent began to use its name;
- a piece of it is right;
- it is exactly as long as it should be, and another file of the torrent is there and right: a short file may share
  all its pieces with files that are missing;
- resume data says so, which is stored before the first byte is written: without it a file that was begun just before
  the process was killed would be refused for ever;
- or the user said that files may be overwritten.
"""

from __future__ import annotations

from typing import Callable, List, Optional, Sequence

from ..disk.file import FileStat
from ..disk.results import CheckedFiles
from ..disk.resume import Resume
from ..metainfo.bitfield import Bitfield
from ..metainfo.file_list import TorrentFile


class FileOwnership:
    """The files of one torrent that are known to be its own.

    Args:
        entries: The files as the metainfo has them.
        begun: Whether a piece of a file is there.
        overwrite: Files that hold something else are overwritten (``Settings.overwrite``).
    """

    def __init__(self, entries: Sequence[TorrentFile], begun: Callable[[int], bool], *, overwrite: bool) -> None:
        self._entries = entries
        self._begun = begun
        self._overwrite = overwrite
        self._own = Bitfield(len(entries))
        self._stored = self._own.copy()
        """The files that stored resume data names as the torrent's own."""
        self._sizes: Sequence[int] = ()
        self._then: Sequence[Optional[FileStat]] = ()
        """The files as resume data has them, until they were looked at."""

    def __bytes__(self) -> bytes:
        """The files known to be the torrent's own, as packed bits."""
        return bytes(self._own)

    def recall(self, resume: Resume) -> None:
        """Take what resume data says of the last run."""
        for index in Bitfield(len(self._own), resume.owned).indexes():
            self._own.set(index)
        self._stored = self._own.copy()
        self._then = resume.files

    def see(self, checked_files: CheckedFiles) -> None:
        """Note what the files are now; a file that replaced one of the torrent's own is not its own."""
        for index, (then, now) in enumerate(zip(self._then, checked_files.files)):
            if then is not None and now is not None and then.inode != now.inode:
                self._own.clear(index)
        self._then = ()
        self._sizes = [0 if stat is None else stat.size for stat in checked_files.files]

    @property
    def files(self) -> List[bool]:
        """Which files are its own, by index."""
        entries, begun = self._entries, self._begun
        something = any(map(begun, [index for index, entry in enumerate(entries) if not entry.pad]))
        return [
            self._overwrite
            or not entry.length
            or self._own[index]
            or begun(index)
            or (something and bool(self._sizes) and self._sizes[index] == entry.length)
            for index, entry in enumerate(entries)
        ]

    def doubtful(self, wanted: Sequence[bool], own: Sequence[bool]) -> bool:
        """Whether a file is wanted that is not its own and held something at the last look."""
        return any([size and wants and not ours for size, wants, ours in zip(self._sizes, wanted, own)])

    def news(self, wanted: Sequence[bool], own: Sequence[bool]) -> bool:
        """Whether one of these files is not in the stored resume data as the torrent's own."""
        return any([(wants or ours) and not stored for wants, ours, stored in zip(wanted, own, self._stored)])

    def claim(self, files: Sequence[bool]) -> bool:
        """Take these files as the torrent's own; returns whether that must be stored before they are written."""
        for index, own in enumerate(files):
            if own:
                self._own.set(index)
        return self._own != self._stored

    def stored(self, resume: Resume) -> None:
        """This resume data was stored."""
        self._stored = Bitfield(len(self._own), resume.owned)
