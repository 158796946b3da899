"""``OpenFolders``: the folders that one thread keeps open during a job, by their path below the folder of the files.

A rename uses the folder of the old path, that of the new one and the hidden one in turns, and a check of many files
their folders one after another.  So the folders stay open until there are too many, and then those are closed that are
not above the file in use.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Tuple

MOST = 8
"""Folders that a thread keeps open; those of a deeper path are opened each time."""

Names = Tuple[str, ...]


class OpenFolders:
    """Descriptors of folders, which it closes.

    Args:
        close: Closes a descriptor.

    Attributes:
        descriptors: Each by its path; the folder itself has the empty one.
        users: Contexts that use one of them: none is closed meanwhile to make room.
    """

    __slots__ = ("_close", "descriptors", "users")

    def __init__(self, close: Callable[[int], None]) -> None:
        self._close = close
        self.descriptors: Dict[Names, int] = {}
        self.users = 0

    def depth(self, names: Names) -> int:
        """Return how many components of a path lead to the last folder on it that is open; -1 if none is."""
        depth = len(names)
        while depth >= 0 and names[:depth] not in self.descriptors:
            depth -= 1
        return depth

    def make_room(self, names: Names, depth: int) -> None:
        """Close other folders if those of a path would be too many.

        Args:
            names: The path.
            depth: How many folders on it are open.
        """
        if not self.users and len(self.descriptors) + len(names) - depth > MOST:
            for other in list(self.descriptors):
                if names[: len(other)] != other:
                    self._close(self.descriptors.pop(other))

    def leave(self) -> None:
        """End a context; with two at once there may be more folders than there is room for."""
        self.users -= 1
        if not self.users and len(self.descriptors) > MOST:
            self.forget(())

    def forget(self, names: Names) -> None:
        """Close a folder that was removed or moved, and those below it."""
        for other in list(self.descriptors):
            if other[: len(names)] == names:
                self._close(self.descriptors.pop(other))


class KeepingOpen:
    """The context in which a thread has open folders; one inside another does nothing.

    Args:
        local: The values of the thread: ``kept`` are its open folders.
        close: As for ``OpenFolders``.
    """

    __slots__ = ("_close", "_kept", "_local")

    def __init__(self, local: Any, close: Callable[[int], None]) -> None:
        self._local = local
        self._close = close
        self._kept: Optional[OpenFolders] = None

    def __enter__(self) -> None:
        if getattr(self._local, "kept", None) is None:
            self._kept = self._local.kept = OpenFolders(self._close)

    def __exit__(self, *exc_info: object) -> None:
        if self._kept is not None:
            self._local.kept = None
            self._kept.forget(())
