"""``Folder``: files below one folder, opened, read, renamed and removed without ever leaving it.

The folder itself is chosen by the user and may be a link.  Below it each path component is opened relative to the one
above it and without following links, so that a link that is put there, even between two calls, leads nowhere.  On
Windows (no ``dir_fd``, no ``O_NOFOLLOW``) each component is checked first and a link is refused; there a program that
can write to the folder can still win a race between the check and the use.

A job that uses many files keeps folders open (``keep_folders_open``), because most of the files of a large torrent lie
in the same folder as the file before.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Any, Callable, Iterable, Iterator, List, Optional, Set, Tuple

from ..errors import StorageError
from ..threads.original import local, original
from .open_folders import MOST as MOST_KEPT
from .open_folders import KeepingOpen, OpenFolders

Parts = Tuple[str, ...]
"""Components of a name below a folder."""

_LINKS = (errno.ELOOP, errno.EMLINK, errno.ENOTDIR)  # errors of O_NOFOLLOW and O_DIRECTORY, by platform
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
_SEPARATORS = frozenset({os.sep, os.altsep or os.sep} - {"/"})

_REPARSE_POINT = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT: links and junctions of Windows


class Folder:
    """The folder at ``root``; a relative path is resolved against the current folder of the process.

    Every method raises ``OSError``, or :class:`StorageError` for errors that no system call reports.  Any thread
    may use it; the folders that ``keep_folders_open`` keeps open belong to the calling thread.

    Args:
        root: The path of the folder.
        system: The ``os`` module; tests pass one whose Nth call fails, or that lacks calls as other platforms do.
        relief: Called when the process has no free descriptor; returns whether it closed one.
    """

    def __init__(self, root: str, *, system: Any = os, relief: Callable[[], bool] = lambda: False) -> None:
        self.root = os.path.abspath(root)
        self.system = system
        self._relief = relief
        self._no_follow = getattr(system, "O_NOFOLLOW", 0) if original("os", "open") in os.supports_dir_fd else 0
        # O_NONBLOCK: opening a FIFO must not block the thread.
        self.read_flags = self._no_follow | getattr(system, "O_NONBLOCK", 0) | getattr(system, "O_BINARY", 0)
        self._local = local()

    def path(self, parts: Parts) -> str:
        """Return the absolute path of a file, for messages."""
        return os.path.join(self.root, *parts)

    def keep_folders_open(self) -> KeepingOpen:
        """Keep folders above the files used last open in this thread, until the context ends.

        A folder that is replaced during the context may still be used, as if it was replaced after the context.
        A context inside another one does nothing.
        """
        return KeepingOpen(self._local, self.system.close)

    def open(self, parts: Parts, flags: int, *, create: bool = False) -> int:
        """Open a regular file.

        Args:
            parts: Components of its path below the folder.
            flags: Flags of ``os.open``.
            create: Whether to create the file, and the folders above it, if they do not exist.

        Returns:
            A descriptor, to be closed by the caller.
        """
        return self.opened(parts, flags, create=create)[0]

    def opened(self, parts: Parts, flags: int, *, create: bool = False) -> Tuple[int, os.stat_result]:
        """Open a regular file as ``open`` does; return its descriptor and its status."""
        flags |= self.read_flags | (os.O_CREAT if create else 0)
        try:
            fd = self._opened_beside(parts, flags)
            if fd is None:
                with self._parent(parts, create=create) as (parent, name):
                    fd = self._descriptor(name, flags, parent)
        except FileNotFoundError:
            kept = self._open_folders
            if not (create and kept is not None and kept.descriptors):
                raise
            kept.forget(())  # a folder that was kept open was removed
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
        """Return the status of a regular file, None if it does not exist; links are not followed."""
        beside = self._beside(parts)
        if beside is not None:
            try:
                found: os.stat_result = self.system.stat(parts[-1], dir_fd=beside, follow_symlinks=False)
                if stat.S_ISREG(found.st_mode):
                    return found
            except FileNotFoundError:
                return None
            except OSError:
                pass  # the general way below reports it
        try:
            with self._parent(parts) as (parent, name):
                found = self.system.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode) or _is_link(found):
            raise StorageError("is no regular file", self.path(parts))
        return found

    def beside(self, paths: Iterable[Parts]) -> Iterator[Tuple[str, Optional[int]]]:
        """Open the folders of many files, within ``keep_folders_open``; most are in the folder of the one before.

        Args:
            paths: Components of the path of each file.

        Yields:
            The arguments name and ``dir_fd`` of a system call for each file, None if there is no such folder; it ends
            where there are no such arguments, as on Windows.
        """
        kept = self._open_folders if self._no_follow else None
        absent: Optional[Parts] = None  # looked for once: before a download 20,000 files are in absent folders
        for parts in paths:
            if kept is None or len(parts) > MOST_KEPT:
                return
            folder = kept.descriptors.get(parts[:-1])
            if (folder is None and absent != parts[:-1]) or not _is_name(parts[-1]):
                try:
                    with self._parent(parts):
                        folder = kept.descriptors[parts[:-1]]
                except FileNotFoundError:
                    absent = parts[:-1]
            yield parts[-1], folder

    def at(self, root: str) -> Folder:
        """Return the folder at another path, with the same ``system`` and ``relief``."""
        return Folder(root, system=self.system, relief=self._relief)

    def same(self, other: Folder) -> bool:
        """Return whether both are the same folder, even by different paths."""
        try:
            return os.path.samestat(self.system.stat(self.root), self.system.stat(other.root))
        except FileNotFoundError:
            return self.root == other.root

    def create_folders(self, parts: Parts) -> int:
        """Create the folders above a file.

        Args:
            parts: Components of the path of the file.

        Returns:
            How many of them existed, from the top; without this folder itself.
        """
        depth = len(parts) - 1
        if self._beside(parts) is not None:
            return depth
        while depth > 0:
            with contextlib.suppress(FileNotFoundError), self._parent(parts[: depth + 1]):
                break
            depth -= 1
        with self._parent(parts, create=True):
            return depth

    def replace(self, source: Parts, target: Parts, *, create: bool = False) -> None:
        """Rename a file, over an existing one.

        Args:
            source: Components of its path.
            target: Components of its new path.
            create: Whether to create the folders above the new path.
        """
        new = self._parent(target, create=create)
        with self._parent(source) as (parent, name), new as (new_parent, new_name):
            self.system.replace(name, new_name, src_dir_fd=parent, dst_dir_fd=new_parent)

    def link(self, source: Parts, folder: Folder, target: Optional[Parts] = None) -> None:
        """Make a hard link to a file, and the folders above the link; never over an existing file.

        Args:
            source: Components of the path of the file.
            folder: The folder of the link.
            target: Components of the path of the link below ``folder``; by default those of ``source``.
        """
        follow = {"follow_symlinks": False} if self._no_follow else {}
        new = folder._parent(target or source, create=True)
        with self._parent(source) as (parent, name), new as (new_parent, new_name):
            self.system.link(name, new_name, src_dir_fd=parent, dst_dir_fd=new_parent, **follow)

    def entries(self, names: Parts) -> List[Tuple[str, os.stat_result]]:
        """List a folder below this one.

        Args:
            names: Components of its path.

        Returns:
            The name and the status of each entry; links are not followed.

        Raises:
            NotImplementedError: On Windows.
        """
        if not self._no_follow:
            raise NotImplementedError
        with self._parent((*names, "x")) as (parent, _), self.system.scandir(parent) as found:
            return [(entry.name, entry.stat(follow_symlinks=False)) for entry in found]

    def names(self, names: Parts) -> List[str]:
        """List the names in a folder below this one, none if there is no such folder.

        Args:
            names: Components of its path.
        """
        below = (*names, "x")
        if self._beside(below) is None:
            with self._parent(names) as (parent, path):
                if not self.system.access(path, os.F_OK, dir_fd=parent):  # no exception, a third of the time
                    return []
        with self._parent(below) as (parent, path):
            found: List[str] = self.system.listdir(os.path.dirname(path) if parent is None else parent)
            return found

    def move_folder(self, name: str, target: Folder) -> None:
        """Move a folder that is directly below this one.

        Args:
            name: Its name.
            target: The folder to move it to; it must have no entry of that name.

        Raises:
            NotImplementedError: On Windows.
        """
        if not self._no_follow:
            raise NotImplementedError
        new = target._parent((name,), create=True)
        with self._parent((name,)) as (parent, _), new as (new_parent, _):
            with contextlib.suppress(FileNotFoundError):
                self.system.stat(name, dir_fd=new_parent, follow_symlinks=False)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target.path((name,)))
            self.system.rename(name, name, src_dir_fd=parent, dst_dir_fd=new_parent)
        self._forget((name,))

    def prune(self, parts: Parts) -> None:
        """Remove the empty folders above a file, but never this folder; raises nothing."""
        with contextlib.suppress(OSError, StorageError):
            for depth in range(len(parts) - 1, 0, -1):
                with self._parent(parts[:depth]) as (parent, name):
                    self.system.rmdir(name, dir_fd=parent)
                self._forget(parts[:depth])

    def remove(self, parts: Parts) -> None:
        """Remove a file; does nothing if it does not exist."""
        with contextlib.suppress(FileNotFoundError), self._parent(parts) as (parent, name):
            self.system.unlink(name, dir_fd=parent)

    def sync(self, parts: Parts, *, begin: int = 0, done: Optional[Set[Parts]] = None) -> None:
        """Make the directory entries on the path to a file durable, its own included; does nothing on Windows.

        Args:
            parts: Components of the path.
            begin: Folders above the file that are left out, as the entries in them were durable before.
            done: Folders that are left out, as they were synced for other files; this call adds its own.
        """
        if self._no_follow:
            for depth in range(begin, len(parts)):
                if done is not None and parts[:depth] in done:
                    continue
                folder = self._open_path(parts[:depth])
                try:
                    self.system.fsync(folder)
                finally:
                    self.system.close(folder)
                if done is not None:
                    done.add(parts[:depth])

    def _beside(self, parts: Parts) -> Optional[int]:
        # The folder of a file if it is kept open: without a context, and with no mapping of errors, a file of 20,000
        # takes 2 us less.
        kept: Optional[OpenFolders] = getattr(self._local, "kept", None)
        if kept is not None and kept.descriptors and _is_name(parts[-1]):
            return kept.descriptors.get(parts[:-1])
        return None

    def _opened_beside(self, parts: Parts, flags: int) -> Optional[int]:
        # A descriptor of a file in that folder; None if the general way is needed, which reports most errors.
        beside = self._beside(parts)
        if beside is not None:
            try:
                return int(self.system.open(parts[-1], flags, 0o666, dir_fd=beside))
            except (FileNotFoundError, FileExistsError):
                raise
            except OSError:
                pass
        return None

    def _parent(self, parts: Parts, *, create: bool = False) -> _Parent:
        # The folder above a file.
        return _Parent(self, parts, create)

    def _forget(self, names: Parts) -> None:
        # A folder was removed or moved.
        kept = self._open_folders
        if kept is not None:
            kept.forget(names)

    def _open_path(self, names: Parts, *, create: bool = False) -> int:
        # Open a folder below this one; those above it are closed again.
        folder = self._open_root(create=create)
        for name in names:
            outer = folder
            try:
                folder = self._open_folder(name, outer, create=create)
            finally:
                self.system.close(outer)
        return folder

    @property
    def _open_folders(self) -> Optional[OpenFolders]:
        kept: Optional[OpenFolders] = getattr(self._local, "kept", None)
        return kept

    def _extend(self, kept: OpenFolders, above: Parts, *, create: bool) -> int:
        # Open the folders on a path that are not open yet.
        depth = kept.depth(above)
        kept.make_room(above, depth)
        if depth < 0:
            kept.descriptors[()] = self._open_root(create=create)
        for end in range(max(0, depth) + 1, len(above) + 1):
            outer = kept.descriptors[above[: end - 1]]
            kept.descriptors[above[:end]] = self._open_folder(above[end - 1], outer, create=create)
        return kept.descriptors[above]

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
            with contextlib.suppress(FileExistsError):  # another worker made it
                self.system.mkdir(name, dir_fd=parent)
        return self._descriptor(name, flags, parent)

    def _descriptor(self, name: str, flags: int, parent: Optional[int]) -> int:
        while True:
            try:
                return int(self.system.open(name, flags, 0o666, dir_fd=parent))
            except OSError as error:
                if error.errno not in _NO_DESCRIPTORS or not self._relief():
                    raise

    def _checked_path(self, parts: Parts, *, create: bool) -> str:
        # Without dir_fd: the path, after every existing component of it was checked.
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


class _Parent:
    # The arguments ``dir_fd`` and name of a system call for a file.  A class: a generator costs more each time.
    __slots__ = ("_create", "_folder", "_kept", "_open", "_parts")

    def __init__(self, folder: Folder, parts: Parts, create: bool) -> None:
        self._folder = folder
        self._parts = parts
        self._create = create
        self._kept: Optional[OpenFolders] = None  # has the folder
        self._open: Optional[int] = None  # to be closed at the end of the context

    def __enter__(self) -> Tuple[Optional[int], str]:
        folder, parts = self._folder, self._parts
        above, name = parts[:-1], parts[-1]
        kept = folder._open_folders if folder._no_follow and len(parts) <= MOST_KEPT else None
        parent = None if kept is None or not _is_name(name) else kept.descriptors.get(above)
        if parent is None:
            if not all(map(_is_name, parts)):
                # Names of torrents were made safe before (metainfo.safe_paths); this is a second check.
                raise StorageError("is not a valid file name", repr(folder.path(parts)))
            try:
                if not folder._no_follow:
                    return None, folder._checked_path(parts, create=self._create)
                if kept is None:
                    self._open = folder._open_path(above, create=self._create)
                    return self._open, name
                parent = folder._extend(kept, above, create=self._create)
            except OSError as error:
                self._refuse_link(error)
                raise
        if kept is not None:
            kept.users += 1
            self._kept = kept
        return parent, name

    def __exit__(self, kind: object, error: Optional[BaseException], traceback: object) -> None:
        if self._open is not None:
            self._folder.system.close(self._open)
        elif self._kept is not None:
            self._kept.leave()
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
