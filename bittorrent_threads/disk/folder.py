"""``Folder``: names below one folder, opened, read, renamed and removed without ever leaving it.

The folder itself is the user's choice and may be a link.  Below it every component is opened relative to the one
above it and without following links, so that a link planted there, even between two calls, leads nowhere.  Where the
platform cannot do that (Windows: no ``dir_fd``, no ``O_NOFOLLOW``) each component is looked at first and a link is
refused; there somebody who can write to the folder could still win a race.

A job that uses many files keeps the folders on the way to the last one open (``walking``): of 20,000 files, most are
beside the one before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Any, Callable, Iterator, List, Optional, Tuple

from ..errors import StorageError
from ..threads.original import local, original

Parts = Tuple[str, ...]
"""Components of a name below a folder."""

_LINKS = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)  # what O_NOFOLLOW and O_DIRECTORY say, by platform
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_KEPT_FOLDERS = 8
"""Folders that a thread keeps open in ``walking``; the way to deeper ones is walked each time."""

_SEPARATORS = frozenset({os.sep, os.altsep or os.sep} - {"/"})

_REPARSE_POINT = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT: links and junctions of Windows


class Folder:
    """The folder at ``root``; relative paths are taken from the folder the process is in now.

    ``system`` is the ``os`` module; a test gives one that fails the Nth call, or lacks what some platform lacks.
    ``relief`` is called when no descriptor is to be had, and returns whether it gave one back to the system.
    Everything raises ``OSError``, or :class:`StorageError` for what no system call says.  Any thread may use it: the
    folders that one keeps open are its own.
    """

    def __init__(self, root: str, *, system: Any = os, relief: Callable[[], bool] = lambda: False) -> None:
        self.root = os.path.abspath(root)
        self.system = system
        self._relief = relief
        self._no_follow = getattr(system, "O_NOFOLLOW", 0) if original("os", "open") in os.supports_dir_fd else 0
        # O_NONBLOCK: a FIFO somebody put there must not hang the thread.
        self._flags = self._no_follow | getattr(system, "O_NONBLOCK", 0) | getattr(system, "O_BINARY", 0)
        self._walking = local()

    def path(self, parts: Parts) -> str:
        """The absolute path of a name, to be shown."""
        return os.path.join(self.root, *parts)

    @contextlib.contextmanager
    def walking(self) -> Iterator[None]:
        """Until the context ends, this thread keeps the folders on the way to the last name open.

        A folder that is put in the place of one of them meanwhile is not seen, as if it came after the context.
        """
        way = self._walking.way = _Way()
        try:
            yield
        finally:
            self._walking.way = None
            self._leave(way, 0)

    def open(self, parts: Parts, flags: int, *, create: bool = False) -> int:
        """A descriptor of a regular file; ``create`` makes it and the folders above it if they are not there."""
        return self.opened(parts, flags, create=create)[0]

    def opened(self, parts: Parts, flags: int, *, create: bool = False) -> Tuple[int, os.stat_result]:
        """The same, and what the system knows of the file."""
        flags |= self._flags | (os.O_CREAT if create else 0)
        try:
            with self._parent(parts, create=create) as (parent, name):
                fd = self._descriptor(name, flags, parent)
        except FileNotFoundError:
            way = self._way
            if not (create and way is not None and way.descriptors):
                raise
            self._leave(way, 0)  # a folder that was kept open is none any more
            with self._parent(parts, create=create) as (parent, name):
                fd = self._descriptor(name, flags, parent)
        try:
            found: os.stat_result = self.system.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise StorageError("is no regular file", self.path(parts))
        except BaseException:
            self.system.close(fd)
            raise
        return fd, found

    def stat(self, parts: Parts) -> Optional[os.stat_result]:
        """What the system knows of a regular file, None if it is not there."""
        try:
            with self._parent(parts) as (parent, name):
                found: os.stat_result = self.system.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode) or _is_link(found):
            raise StorageError("is no regular file", self.path(parts))
        return found

    def at(self, root: str) -> Folder:
        """Another folder, otherwise the same."""
        return Folder(root, system=self.system, relief=self._relief)

    def same(self, other: Folder) -> bool:
        """Whether the two are one folder, by whatever paths."""
        try:
            return os.path.samestat(self.system.stat(self.root), self.system.stat(other.root))
        except FileNotFoundError:
            return self.root == other.root

    def replace(self, source: Parts, target: Parts, *, create: bool = False) -> None:
        """Rename a file, over another if there is one; ``create`` makes the folders above ``target``."""
        new = self._parent(target, create=create, keep=False)
        with self._parent(source) as (parent, name), new as (new_parent, new_name):
            self.system.replace(name, new_name, src_dir_fd=parent, dst_dir_fd=new_parent)

    def link(self, source: Parts, folder: Folder, target: Optional[Parts] = None) -> None:
        """Give a file one name more, below ``folder``, with the folders above it; never over another file."""
        follow = {"follow_symlinks": False} if self._no_follow else {}
        new = folder._parent(target or source, create=True, keep=folder is not self)
        with self._parent(source) as (parent, name), new as (new_parent, new_name):
            self.system.link(name, new_name, src_dir_fd=parent, dst_dir_fd=new_parent, **follow)

    def entries(self, names: Parts) -> List[Tuple[str, os.stat_result]]:
        """What is in a folder below this one, and what the system knows of it; ``NotImplementedError`` on Windows."""
        if not self._no_follow:
            raise NotImplementedError
        with self._parent((*names, "x")) as (parent, _), self.system.scandir(parent) as found:
            return [(entry.name, entry.stat(follow_symlinks=False)) for entry in found]

    def move_folder(self, name: str, target: Folder) -> None:
        """Move a folder to ``target``, where nothing may have its name; ``NotImplementedError`` on Windows."""
        if not self._no_follow:
            raise NotImplementedError
        new = target._parent((name,), create=True, keep=False)
        with self._parent((name,), keep=False) as (parent, _), new as (new_parent, _):
            with contextlib.suppress(FileNotFoundError):
                self.system.stat(name, dir_fd=new_parent, follow_symlinks=False)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.path((name,)))
            self.system.rename(name, name, src_dir_fd=parent, dst_dir_fd=new_parent)

    def prune(self, parts: Parts) -> None:
        """Remove the folders above a name that are empty, but never this one; raises nothing."""
        with contextlib.suppress(OSError, StorageError):
            for depth in range(len(parts) - 1, 0, -1):
                with self._parent(parts[:depth]) as (parent, name):
                    self.system.rmdir(name, dir_fd=parent)

    def remove(self, parts: Parts) -> None:
        """Remove a file; harmless if it is not there."""
        with contextlib.suppress(FileNotFoundError), self._parent(parts) as (parent, name):
            self.system.unlink(name, dir_fd=parent)

    def sync(self, parts: Parts) -> None:
        """Make the names on the way to a file durable, its own included; Windows does that by itself."""
        if self._no_follow:
            for depth in range(len(parts)):
                folder = self._walked(parts[:depth])
                try:
                    self.system.fsync(folder)
                finally:
                    self.system.close(folder)

    def _parent(self, parts: Parts, *, create: bool = False, keep: bool = True) -> _Parent:
        # The folder above a name.  Of two at once only one may ``keep`` its way.
        return _Parent(self, parts, create, keep)

    def _walked(self, names: Parts, *, create: bool = False) -> int:
        # The descriptor of a folder below this one.
        folder = self._open_root(create=create)
        for name in names:
            outer = folder
            try:
                folder = self._open_folder(name, outer, create=create)
            finally:
                self.system.close(outer)
        return folder

    @property
    def _way(self) -> Optional[_Way]:
        way: Optional[_Way] = getattr(self._walking, "way", None)
        return way

    def _walk_on(self, way: _Way, above: Parts, *, create: bool) -> int:
        # From where the way leads already: the root, and the folders below it by name.
        common = 0
        for name, wanted in zip(way.names, above):
            if name != wanted:
                break
            common += 1
        self._leave(way, common + 1)
        if not way.descriptors:
            way.descriptors.append(self._open_root(create=create))
        for name in above[common:]:
            way.descriptors.append(self._open_folder(name, way.descriptors[-1], create=create))
            way.names = (*way.names, name)
        return way.descriptors[-1]

    def _leave(self, way: _Way, count: int) -> None:
        # Close all but so many folders.
        way.names = way.names[: max(0, count - 1)]
        while len(way.descriptors) > count:
            self.system.close(way.descriptors.pop())

    def _open_root(self, *, create: bool) -> int:
        try:
            return self._open_folder(self.root, None, create=create)
        except NotADirectoryError:
            raise StorageError("is not a folder, or below a file", self.root, errno.ENOTDIR) from None

    def _open_folder(self, name: str, parent: Optional[int], *, create: bool) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | (0 if parent is None else self._no_follow)
        try:
            return self._descriptor(name, flags, parent)
        except FileNotFoundError:
            if not create:
                raise
        if parent is None:
            self.system.makedirs(name, exist_ok=True)
        else:
            with contextlib.suppress(FileExistsError):  # another worker was faster
                self.system.mkdir(name, dir_fd=parent)
        return self._descriptor(name, flags, parent)

    def _descriptor(self, name: str, flags: int, parent: Optional[int]) -> int:
        while True:
            try:
                return int(self.system.open(name, flags, 0o666, dir_fd=parent))
            except OSError as error:
                if error.errno not in _NO_DESCRIPTORS or not self._relief():
                    raise

    def _looked_at(self, parts: Parts, *, create: bool) -> str:
        # Without dir_fd: the path, after a look at every component of it that is there.
        path = self.root
        for name in parts:
            path = os.path.join(path, name)
            try:
                found = self.system.lstat(path)
            except FileNotFoundError:
                break
            if _is_link(found):
                raise StorageError("is a link", path, errno.ELOOP)
        if create:
            self.system.makedirs(os.path.dirname(self.path(parts)), exist_ok=True)
        return self.path(parts)


class _Way:
    # The folders that a thread keeps open: the root, and those below it that these are the names of.
    __slots__ = ("descriptors", "names")

    def __init__(self) -> None:
        self.names: Parts = ()
        self.descriptors: List[int] = []


class _Parent:
    # What to give as dir_fd, and the name to give with it.  A class, as every call for each of many files pays for it.
    __slots__ = ("_create", "_folder", "_keep", "_open", "_parts")

    def __init__(self, folder: Folder, parts: Parts, create: bool, keep: bool) -> None:
        self._folder = folder
        self._parts = parts
        self._create = create
        self._keep = keep
        self._open: Optional[int] = None  # what is to be closed in the end

    def __enter__(self) -> Tuple[Optional[int], str]:
        folder, parts = self._folder, self._parts
        above, name = parts[:-1], parts[-1]
        way = folder._way if self._keep and folder._no_follow else None
        if way is not None and way.names == above and way.descriptors and _is_name(name):
            return way.descriptors[-1], name
        if not all(map(_is_name, parts)):
            # The names of a torrent were made safe long before; this is the wall behind the wall.
            raise StorageError("is no name for a file", repr(folder.path(parts)))
        try:
            if not folder._no_follow:
                return None, folder._looked_at(parts, create=self._create)
            if way is not None and len(parts) <= _KEPT_FOLDERS:
                return folder._walk_on(way, above, create=self._create), name
            self._open = folder._walked(above, create=self._create)
            return self._open, name
        except OSError as error:
            self._refuse_link(error)
            raise

    def __exit__(self, kind: object, error: Optional[BaseException], traceback: object) -> None:
        if self._open is not None:
            self._folder.system.close(self._open)
        if isinstance(error, OSError):
            self._refuse_link(error)

    def _refuse_link(self, error: OSError) -> None:
        if error.errno in _LINKS:
            path = self._folder.path(self._parts)
            raise StorageError("a link or a file stands in the way", path, error.errno) from None


def _is_name(name: str) -> bool:
    if name in ("", ".", "..") or "\0" in name or "/" in name:
        return False
    return not _SEPARATORS or _SEPARATORS.isdisjoint(name)


def _is_link(found: os.stat_result) -> bool:
    return stat.S_ISLNK(found.st_mode) or bool(getattr(found, "st_file_attributes", 0) & _REPARSE_POINT)
