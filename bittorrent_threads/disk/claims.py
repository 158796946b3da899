"""``Claims``: which torrent uses which files, told to every session and process that uses the same folder.

The rule: files of different torrents under one path are used by both only while neither writes to them, and those of
two torrents of the same content while one of them writes at most.

What a session claims in a folder is one file in the hidden folder beside the data, as JSON.  It is the session's as
long as that lives: the system locks it (``flock``, or ``msvcrt.locking`` on Windows), and lets go when the process
ends, however it ends.  Where a file system has no locks, the number of the process and of the boot tell.  A folder that
cannot be written has no such file; claims in it hold within the session.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import time
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ..errors import StorageError
from ..metainfo.metainfo import Metainfo
from ..metainfo.names import HIDDEN_FOLDER
from ..threads.original import allocate_lock, sleep
from .descriptor import identity
from .folder import Folder, Parts
from .locks import Alive, lock, locked_by

SUFFIX = ".claims"
TURN = (HIDDEN_FOLDER, "claims.turn")
"""Held while claims are compared: of two that begin at once one comes second."""
MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a file of claims that are read; a file of a torrent takes 17."""
MAX_FILES = 1000
"""Files of claims that are looked at in one folder."""
PATIENCE = 5.0
"""Seconds to wait for the turn; whoever holds it longer was stopped, and is not waited for."""


class Claim(NamedTuple):
    """What one torrent uses."""

    infohash: str
    name: str
    content: str
    """The same for torrents of the same files with the same bytes."""
    writing: bool
    paths: Mapping[str, str]
    """Of each file a hash, and the path below the folder where that is known."""

    @classmethod
    def of(cls, metainfo: Metainfo, paths: List[Parts], *, writing: bool) -> Claim:
        """For these files of a torrent."""
        content = hashlib.sha256(metainfo.pieces)
        for entry in metainfo.files:
            content.update(f"{entry.length}:{'/'.join(entry.path)}\n".encode("utf-8", "surrogateescape"))
        joined = ["/".join(parts) for parts in paths]
        hashes = {hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]: path for path in joined}
        return cls(metainfo.infohash.hex(), metainfo.name, content.hexdigest()[:32], writing, hashes)

    def hinders(self, other: Claim) -> Optional[str]:
        """The path that the other torrent may not use because of this one; None if there is none."""
        if not (self.writing or other.writing):
            return None
        shared = self.paths.keys() & other.paths.keys()
        if not shared or (self.content == other.content and not (self.writing and other.writing)):
            return None
        return min(other.paths[path] for path in shared)


class Claims:
    """The claims of one session; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._places: Dict[str, _Place] = {}

    def take(self, folder: Folder, claim: Claim) -> None:
        """Claim files below a folder, in place of what the torrent claimed there before.

        Raises :class:`StorageError` with EBUSY, which names the file and the torrent that has it.
        """
        with self._lock:
            place = self._places.get(folder.root) or _Place(folder)
            place.take(claim)
            self._places[folder.root] = place

    def release(self, folder: Folder, infohash: bytes) -> None:
        """The torrent uses nothing below the folder any more; raises nothing."""
        with self._lock:
            place = self._places.get(folder.root)
            if place is not None and place.release(infohash.hex()):
                del self._places[folder.root]

    def close(self) -> None:
        """Release everything."""
        with self._lock:
            for place in self._places.values():
                place.forget()
            self._places.clear()


class _Place:
    # The claims of a session in one folder, and the file that tells others.

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._claims: Dict[str, Claim] = {}
        self._parts: Parts = (HIDDEN_FOLDER, f"{os.getpid():x}.{os.urandom(6).hex()}{SUFFIX}")
        self._fd: Optional[int] = None

    def take(self, claim: Claim) -> None:
        for other in self._claims.values():
            if other.infohash != claim.infohash:
                self._compare(other, claim, "in this session")
        try:
            with _turn(self._folder):
                for parts in self._others():
                    self._look(parts, claim)
                self._write({**self._claims, claim.infohash: claim})
        except (OSError, StorageError) as error:
            if error.errno == errno.EBUSY:
                raise
            # Others cannot be told where nothing can be written: then the claim holds within the session.
        self._claims[claim.infohash] = claim

    def release(self, infohash: str) -> bool:
        if self._claims.pop(infohash, None) is not None and self._claims:
            with contextlib.suppress(OSError, StorageError), _turn(self._folder):
                self._write(self._claims)
        if not self._claims:
            self.forget()
        return not self._claims

    def forget(self) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError, StorageError):
                self._folder.remove(self._parts)
            self._folder.system.close(self._fd)
            self._fd = None
            if not any(self._others()):
                with contextlib.suppress(OSError, StorageError):
                    self._folder.remove(TURN)
                self._folder.prune(self._parts)

    def _others(self) -> List[Parts]:
        names: List[str] = []
        with contextlib.suppress(OSError), os.scandir(os.path.join(self._folder.root, HIDDEN_FOLDER)) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
        return [(HIDDEN_FOLDER, name) for name in sorted(names)[:MAX_FILES] if name != self._parts[-1]]

    def _look(self, parts: Parts, claim: Claim) -> None:
        # What somebody else claims; what a process left that has ended is removed.
        folder = self._folder
        try:
            fd = folder.open(parts, os.O_RDWR)
        except (OSError, StorageError):
            return
        try:
            said = _said(fd, folder)
            alive = locked_by(fd, said)
            if alive is Alive.NO:
                folder.remove(parts)
                return
        finally:
            folder.system.close(fd)
        for other in _claims_in(said):
            self._compare(other, claim, f"in process {said.get('pid')}")

    def _compare(self, other: Claim, claim: Claim, where: str) -> None:
        path = other.hinders(claim)
        if path is not None:
            who = "the same content" if other.content == claim.content else "another torrent"
            verb = "is being written" if other.writing else "is in use"
            reason = f"{verb} by {who}, {other.name!r} ({other.infohash}), {where}"
            raise StorageError(reason, os.path.join(self._folder.root, path), errno.EBUSY)

    def _write(self, claims: Mapping[str, Claim]) -> None:
        folder = self._folder
        if self._fd is None:
            self._fd = folder.open(self._parts, os.O_RDWR | os.O_EXCL, create=True)
        said = {
            **lock(self._fd),
            "claims": [
                [claim.infohash, claim.name, claim.content, claim.writing, " ".join(claim.paths)]
                for claim in claims.values()
            ],
        }
        data = json.dumps(said).encode()
        folder.system.ftruncate(self._fd, 0)
        folder.system.lseek(self._fd, 0, os.SEEK_SET)
        done = 0
        while done < len(data):
            done += folder.system.write(self._fd, data[done:])


@contextlib.contextmanager
def _turn(folder: Folder) -> Iterator[None]:
    # One session at a time compares and writes; whoever waits too long goes on without.
    end = time.monotonic() + PATIENCE
    while True:
        fd = folder.open(TURN, os.O_RDWR, create=True)
        try:
            while locked_by(fd, {}) is Alive.YES and time.monotonic() < end:
                sleep(0.01)
            named = folder.stat(TURN)
            if time.monotonic() < end and (named is None or identity(named) != identity(folder.system.fstat(fd))):
                continue  # whoever had it removed it
            yield
            return
        finally:
            folder.system.close(fd)


def _said(fd: int, folder: Folder) -> Dict[str, Any]:
    size = folder.system.fstat(fd).st_size
    if size > MAX_SIZE:
        return {}
    data = b""
    while len(data) < size:
        part = folder.system.read(fd, size - len(data))
        if not part:
            break
        data += part
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _claims_in(said: Dict[str, Any]) -> Iterator[Claim]:
    entries = said.get("claims")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, list) and [type(value) for value in entry] == [str, str, str, bool, str]:
            infohash, name, content, writing, paths = entry
            yield Claim(infohash[:40], name[:240], content, writing, dict.fromkeys(paths.split(), ""))


class Hold:
    """What one torrent claims; its methods are not for two threads at once."""

    def __init__(self, claims: Claims, metainfo: Metainfo) -> None:
        self._claims = claims
        self._metainfo = metainfo
        self._folder: Optional[Folder] = None
        self._claim: Optional[Claim] = None

    def take(self, folder: Folder, paths: List[Parts], *, writing: bool) -> None:
        """Claim these files; raises :class:`StorageError` with EBUSY."""
        claim = Claim.of(self._metainfo, paths, writing=writing)
        self._claims.take(folder, claim)
        self._folder, self._claim = folder, claim

    def release(self) -> None:
        """Claim nothing any more; raises nothing."""
        if self._folder is not None:
            self._claims.release(self._folder, self._metainfo.infohash)
            self._folder = self._claim = None

    @contextlib.contextmanager
    def moving(self, folder: Folder, paths: List[Parts]) -> Iterator[None]:
        """Claim files of this folder while they are made; what was claimed before stays so if that fails.

        Raises :class:`StorageError` with EBUSY.
        """
        home, before = self._folder, self._claim
        self._claims.take(folder, Claim.of(self._metainfo, paths, writing=True))
        try:
            yield
        except BaseException:
            self._claims.release(folder, self._metainfo.infohash)
            if home is not None and before is not None:
                self._claims.take(home, before)
            raise
        if home is None or before is None:
            self._claims.release(folder, self._metainfo.infohash)
            return
        if home.root != folder.root:
            self._claims.release(home, self._metainfo.infohash)
        self.take(folder, paths, writing=before.writing)
