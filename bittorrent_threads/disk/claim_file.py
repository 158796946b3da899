"""``ClaimFile``: the claims of one session on files below one folder, in a file that other sessions and processes read.

The file is in the hidden folder beside the data.  Its first line says which process has it.  Each further line has one
claim, or a change of one: the paths of 20,000 files are not written again when one of them is renamed.  The process
locks it (``flock``, or ``msvcrt.locking`` on Windows), and the system releases the lock when the process ends.  Where a
file system has no locks, the process id and the boot id in the file tell whether its process still runs.  In a folder
that cannot be written there is no such file, and claims hold within the session only.

A folder with claims may be inside another one.  So a claim is compared with the claims in the folders above, and in the
folders that it has files in.  It is stored before it is compared: if two sessions claim at once in different folders,
at least one of them sees the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from types import MappingProxyType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set

from ..errors import StorageError
from ..metainfo.safe_paths import HIDDEN_FOLDER
from ..text import printable
from ..threads.original import allocate_lock, sleep
from .claim import Claim, FileInUse, PathChange, refuse_conflicts
from .descriptor import identity
from .folder import Folder, Parts
from .locks import Alive, lock, locked_by

SUFFIX = ".claims"
MAX_ORIGIN = 240
"""Characters of the place where a program made a torrent, as another program shows it."""
LOCK_FILE = (HIDDEN_FOLDER, "claims.lock")
"""Locked while the claims in a folder are stored and compared, so that of two simultaneous claims one is second."""
MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a claim file that are read; one file of a torrent takes 17."""
MAX_FILES = 1000
"""Claim files that are read in one folder."""
LOCK_TIMEOUT = 5.0
"""Seconds to wait for the lock file; a process that holds it longer was stopped, and is not waited for."""
MIN_APPENDED = 64 * 1024
"""Bytes that are appended before the file is written as a whole again, or as many as it then had if those are more.

So what is written for each change does not grow with the number of paths, and what is read is at most twice the claims.
"""
READ_ATTEMPTS = 50
"""Reads of a claim file of a running process that is not whole: it is being written, in far less than these."""
READ_INTERVAL = 0.01
"""Seconds between two of these reads."""


class ClaimFile:
    """The claims of a session on files below one folder; made and used by ``Claims``.

    Attributes:
        root: The real path of the folder.
        claims: The claims by a key of each, such as its infohash; replaced under the lock of ``Claims``, never changed
            but for the paths of a claim.
        lock: Held while the file is stored, and around ``store_reduced``.
    """

    def __init__(self, folder: Folder, root: str, name: str) -> None:
        self.root = root
        self.claims: Dict[str, Claim] = {}
        self._above = [os.path.join(above, HIDDEN_FOLDER) for above in _above(root)]
        self.lock = allocate_lock()  # guards what follows
        self._folder = folder.at(root)
        self._parts: Parts = (HIDDEN_FOLDER, name)
        self._fd: Optional[int] = None
        self._stored: Mapping[str, Claim] = {}  # what the lines of the file say; empty to have it written as a whole
        self._whole = 0  # bytes of the file when it was written as a whole
        self._appended = 0  # bytes since

    def store(self, compared: Claim, folder: Folder) -> None:
        """Store all claims, and compare one with the claims of other sessions and processes.

        Args:
            compared: A claim with the paths to be compared.
            folder: The folder of the torrent, which may have folders open for the job.

        Raises:
            FileInUse: Another torrent uses one of the paths.
        """
        here = folder if folder.root == self.root else self._folder
        with self.lock, here.keep_folders_open():
            try:
                with _locked(here):
                    self._write(self.claims)
                    self._compare_in(here, (), compared, remove=True)
            except FileInUse:
                raise
            except (OSError, StorageError):
                # Nothing can be written here: the claim holds within the session, and others are still respected.
                self._compare_in(here, (), compared, remove=True)
            for hidden in self._above:
                if os.access(hidden, os.F_OK):  # seldom
                    above = here.at(os.path.dirname(hidden))
                    for parts in self._other_files(_listed(above, ())):
                        self._compare_file(above, parts, compared, root=above.root)
            for inner in _folders(compared):
                self._compare_in(here, inner, compared)

    def store_reduced(self, changes: Mapping[str, PathChange]) -> None:
        """Store the claims after some were released, or remove the file after the last; errors are ignored.

        The caller holds ``lock``.

        Args:
            changes: The paths of a file for each claim that was changed by its rename.
        """
        claims = self.claims
        if claims and self._fd is not None:
            with contextlib.suppress(OSError, StorageError):
                self._write(claims, changes)
        elif self._fd is not None:
            with contextlib.suppress(OSError, StorageError):
                self._folder.remove(self._parts)
            self._folder.system.close(self._fd)
            self._fd = None
            self._stored = {}
            if not self._other_files(_listed(self._folder, ())):
                with contextlib.suppress(OSError, StorageError):
                    self._folder.remove(LOCK_FILE)
                self._folder.prune(self._parts)

    def _compare_in(self, here: Folder, inner: Parts, claim: Claim, *, remove: bool = False) -> None:
        # With the claim files of other sessions in a folder.
        names = _listed(here, inner)
        for parts in self._other_files(names) if names else ():
            root = os.path.join(self.root, *inner)
            self._compare_file(here, (*inner, *parts), claim, root=root, remove=remove)

    def _other_files(self, names: Iterable[str]) -> List[Parts]:
        # The claim files of other sessions among the files of a hidden folder.
        found = sorted([name for name in names if name.endswith(SUFFIX)])[:MAX_FILES]
        return [(HIDDEN_FOLDER, name) for name in found if name != self._parts[-1]]

    def _compare_file(self, folder: Folder, parts: Parts, claim: Claim, *, root: str, remove: bool = False) -> None:
        # With the claims in another file; that of a process that has ended is removed.
        for attempt in range(1, READ_ATTEMPTS + 1):
            try:
                fd = folder.open(parts, os.O_RDONLY)
            except (OSError, StorageError):
                return
            try:
                lines = _read(fd, folder, torn=attempt == READ_ATTEMPTS)
                head = lines[0] if lines and isinstance(lines[0], dict) else {}
                if locked_by(fd, head) is Alive.NO:
                    if remove:
                        with contextlib.suppress(OSError, StorageError):
                            folder.remove(parts)
                    return
            finally:
                folder.system.close(fd)
            if lines is not None:
                break
            sleep(READ_INTERVAL)
        pid = head.get("pid")
        where = "in this process" if pid == os.getpid() else f"in process {pid}"
        refuse_conflicts(_claims_in(lines or []), claim.below(self.root, root), root, where)

    def _write(self, claims: Mapping[str, Claim], changes: Mapping[str, PathChange] = MappingProxyType({})) -> None:
        # Append what is different from ``_stored``, or write the file as a whole.
        folder, stored = self._folder, self._stored
        if self._fd is None:
            self._fd = folder.open(self._parts, os.O_RDWR | os.O_EXCL, create=True)
        lines: List[Any] = [[key] for key in stored if key not in claims]
        for key, claim in claims.items():
            if key in changes and key in stored:
                lines.append(_changed(key, changes[key]))
            elif claim != stored.get(key):
                lines.append(_entry(key, claim))
        if not lines:
            return
        self._stored = {}
        data = _encoded(lines)
        self._appended += len(data)
        if not stored or self._appended > max(MIN_APPENDED, self._whole):
            lines = [_entry(key, claim) for key, claim in claims.items()]
            data = _encoded([{**lock(self._fd), "lines": len(lines)}, *lines])
            self._whole, self._appended = len(data), 0
            folder.system.ftruncate(self._fd, 0)
            folder.system.lseek(self._fd, 0, os.SEEK_SET)
        done = 0
        while done < len(data):
            done += folder.system.write(self._fd, data[done:])
        self._stored = claims


def _encoded(lines: List[Any]) -> bytes:
    return b"".join([json.dumps(line).encode() + b"\n" for line in lines])


def _entry(key: str, claim: Claim) -> List[Any]:
    return [key, claim.infohash, claim.name, claim.content, claim.writing, " ".join(claim.paths), claim.origin]


def _changed(key: str, change: PathChange) -> List[Any]:
    return [key, change.old_hash, change.new_hash]


def _above(root: str) -> List[str]:
    # The folders that a folder is in.
    found = []
    while os.path.dirname(root) != root:
        root = os.path.dirname(root)
        found.append(root)
    return found


def _folders(claim: Claim) -> List[Parts]:
    # The folders that a claim has files in, each behind those above it.
    inner: Set[Parts] = set()
    for path in claim.paths.values():
        folder = tuple(path.split("/")[:-1])
        while folder and folder not in inner:
            inner.add(folder)
            folder = folder[:-1]
    return sorted(inner)


def _listed(folder: Folder, inner: Parts) -> List[str]:
    # The names in the hidden folder of a folder; none if that is not there, or is a link.
    try:
        return folder.names((*inner, HIDDEN_FOLDER))
    except (OSError, ValueError, StorageError):  # ValueError: a name that the system cannot have
        return []


@contextlib.contextmanager
def _locked(folder: Folder) -> Iterator[None]:
    # Hold the lock file of a folder; after ``LOCK_TIMEOUT`` go on without it.
    end = time.monotonic() + LOCK_TIMEOUT
    while True:
        fd, found = folder.opened(LOCK_FILE, os.O_RDWR, create=True)
        try:
            while locked_by(fd, {}) is Alive.YES and time.monotonic() < end:
                sleep(0.01)
            named = folder.stat(LOCK_FILE)
            if time.monotonic() < end and (named is None or identity(named) != identity(found)):
                continue  # the previous holder removed it
            yield
            return
        finally:
            folder.system.close(fd)


def _read(fd: int, folder: Folder, *, torn: bool) -> Optional[List[Any]]:
    # The lines of a claim file; None if it is being written.  If ``torn`` is set, the lines that are whole.
    size = folder.system.fstat(fd).st_size
    if size > MAX_SIZE:
        return []
    data = b""
    while len(data) < size:
        part = folder.system.read(fd, size - len(data))
        if not part:
            break
        data += part
    *texts, rest = data.split(b"\n")
    try:
        lines = [json.loads(text) for text in texts]
    except (ValueError, RecursionError):
        return [] if torn else None
    count = lines[0].get("lines") if lines and isinstance(lines[0], dict) else None
    whole = isinstance(count, int) and len(lines) > count and not rest
    return lines if torn or whole else None


def _claims_in(lines: List[Any]) -> List[Claim]:
    claims: Dict[str, Claim] = {}
    for line in lines:
        kinds = [type(value) for value in line] if isinstance(line, list) else []
        if kinds == [str, str, str, str, bool, str, str]:
            key, infohash, name, content, writing, paths, origin = line
            hashes = dict.fromkeys(paths.split(), "")
            claims[key] = Claim(infohash[:40], name[:240], content, writing, hashes, printable(origin, MAX_ORIGIN))
        elif kinds == [str, str, str] and line[0] in claims:
            key, old, new = line
            claims[key].rename(PathChange(old, "", new, ""))
        elif kinds == [str]:
            claims.pop(line[0], None)
    return list(claims.values())
