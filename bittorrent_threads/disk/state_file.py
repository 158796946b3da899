"""``StateFile``: plain data of a session in a JSON file, such as the nodes of the DHT.

The rule: the file is replaced as a whole, after the new one was synced, so that it is never half written.  It is read
only up to a given size, and what is not JSON counts as if there was no file.
"""

from __future__ import annotations

import json
import os
from typing import Any, Optional

from ..errors import StorageError
from ..threads.original import original_module
from . import whole_file
from .folder import Folder

MAX_STATE = 256 * 1024
"""Bytes of a file that is read; parsed JSON takes up to thirty times as much memory."""


class StateFile:
    """One file; every method blocks, and may be called from any thread, one at a time.

    Args:
        path: The path of the file.
        system: As for ``Folder``; by default ``os``.
    """

    def __init__(self, path: str, *, system: Any = None) -> None:
        folder, name = os.path.split(os.path.abspath(path))
        self._folder = Folder(folder, system=system or original_module("os"))
        self._parts = (name,)

    def store(self, state: object) -> None:
        """Replace the content of the file, and create it and its folder if they do not exist.

        Args:
            state: Dictionaries, lists, strings and numbers.

        Raises:
            StorageError: The disk failed; the file has its earlier content.
        """
        folder = self._folder
        data = json.dumps(state, separators=(",", ":")).encode()
        try:
            whole_file.replace(folder, self._parts, data)
        except OSError as error:
            raise StorageError.wrap(error, folder.path(self._parts)) from error

    def load(self) -> Optional[object]:
        """Return the content of the file; None if there is no file, or none that can be used.

        Raises:
            StorageError: The disk failed.
        """
        folder = self._folder
        try:
            found = folder.stat(self._parts)
            if found is None or found.st_size > MAX_STATE:
                return None
            data = whole_file.read(folder, self._parts, min(found.st_size, MAX_STATE))
        except OSError as error:
            raise StorageError.wrap(error, folder.path(self._parts)) from error
        try:
            state: object = json.loads(data)
        except (ValueError, RecursionError):
            return None
        return state
