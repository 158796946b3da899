"""``TorrentOutput``: where a new .torrent is written; the place is checked before anything is hashed."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from typing import Union

from ..errors import SettingsError, StorageError


class TorrentOutput:
    """The path of a new .torrent.

    Args:
        output: The path.
        content: Absolute path of the file or folder of which the torrent is made.

    Raises:
        SettingsError: The torrent would replace its own content.
        StorageError: Nothing can be written there.
    """

    def __init__(self, output: Union[str, os.PathLike[str]], content: str) -> None:
        self.path = os.path.abspath(output)
        folder = os.path.dirname(self.path)
        if os.path.isdir(self.path):
            raise StorageError("is a folder: give the name of a file", self.path, errno.EISDIR)
        if not os.path.isdir(folder):
            raise StorageError(f"there is no folder {folder}", self.path, errno.ENOENT)
        if os.path.realpath(self.path) == os.path.realpath(content):
            raise SettingsError("output", f"{self.path} is the file that the torrent would be made of")
        try:
            self._try_to_write()
        except OSError as error:
            raise StorageError.wrap(error, self.path) from error

    def _try_to_write(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISREG(os.stat(self.path).st_mode):
                return  # the torrent is written to a pipe or a device
        with tempfile.TemporaryFile(dir=os.path.dirname(os.path.realpath(self.path))):
            pass
