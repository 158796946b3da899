"""``Claims``: which torrent uses which files, told to every session and process that uses the same folder.

The rule: files of different torrents under one path are used by both only while neither writes to them, and those of
two torrents of the same content while one of them writes at most.

What a session claims in a folder is one file in the hidden folder beside the data, as JSON.  It is the session's as
long as that lives: the system locks it (``flock``, or ``msvcrt.locking`` on Windows), and lets go when the process
ends, however it ends.  Where a file system has no locks, the number of the process and of the boot tell.  A folder that
cannot be written has no such file; claims in it hold within the session.

One folder may be inside another that is used too.  So a claim is compared with those of the folders above, and with
those of the folders that it has files in.  It is written before it is compared: of two that begin at once in different
folders, each sees the other or is seen.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ..errors import StorageError
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import HIDDEN_FOLDER
from ..threads.original import allocate_lock, sleep
from .descriptor import identity
from .folder import Folder, Parts
from .locks import Alive, lock, locked_by

SUFFIX = ".claims"
TURN = (HIDDEN_FOLDER, "claims.turn")
"""Held while claims in one folder are compared: of two that begin at once there one comes second."""
MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a file of claims that are read; a file of a torrent takes 17."""
MAX_FILES = 1000
"""Files of claims that are looked at in one folder."""
PATIENCE = 5.0
"""Seconds to wait for the turn; whoever holds it longer was stopped, and is not waited for."""


class Taken(StorageError):
    """Another torrent has a file; the errno is EBUSY."""


class Claim(NamedTuple):
    """What one torrent uses below a folder."""

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
        hashes = _hashes(map("/".join, paths))
        return cls(metainfo.infohash.hex(), metainfo.name, content.hexdigest()[:32], writing, hashes)

    def at(self, paths: List[Parts], *, writing: bool) -> Claim:
        """The same torrent's claim of its files under these paths, most of which are as before.

        With 20,000 files 3 ms, where another one takes 35.
        """
        known = {path: key for key, path in self.paths.items()}
        joined = list(map("/".join, paths))
        known.update((path, key) for key, path in _hashes(path for path in joined if path not in known).items())
        return self._replace(writing=writing, paths={known[path]: path for path in joined})

    def below(self, folder: str, other: str) -> Claim:
        """This claim of files below ``folder`` as one of files below the folder ``other``; both are real paths."""
        if folder == other:
            return self
        inside, outside = _way(folder, other), _way(other, folder)
        if outside is not None:
            return self._replace(paths=_hashes(outside + path for path in self.paths.values()))
        if inside is None:
            return self._replace(paths={})
        return self._replace(
            paths=_hashes(path[len(inside) :] for path in self.paths.values() if path.startswith(inside))
        )

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
        self._file = f"{os.getpid():x}.{os.urandom(6).hex()}{SUFFIX}"

    def take(self, folder: Folder, claim: Claim, *, added: Optional[Mapping[str, str]] = None) -> None:
        """Claim files below a folder, in place of what the torrent claimed there before.

        If only some paths are ``added`` to that, only those are compared with what others claim.
        Raises :class:`Taken`, which names the file and the torrent that has it.
        """
        root = os.path.realpath(folder.root)
        compared = claim if added is None else claim._replace(paths=added)
        with self._lock:
            for place in self._places.values():
                others = [other for other in place.claims.values() if other.infohash != claim.infohash]
                _compare(others, compared.below(root, place.root), place.root, "in this session")
            place = self._places.setdefault(root, _Place(folder, root, self._file))
            before = place.claims.get(claim.infohash)
            place.claims = {**place.claims, claim.infohash: claim}
        try:
            place.tell(compared)
        except BaseException:
            with self._lock:
                if before is None:
                    place.claims = _without(place.claims, claim.infohash)
                else:
                    place.claims = {**place.claims, claim.infohash: before}
            self._told_less(place)
            raise

    def reduce(self, folder: Folder, claim: Claim) -> None:
        """The torrent claims this, which is part of what it claimed below the folder; raises nothing."""
        with self._lock:
            place = self._places.get(os.path.realpath(folder.root))
            if place is not None:
                place.claims = {**place.claims, claim.infohash: claim}
        if place is not None:
            self._told_less(place)

    def release(self, folder: Folder, infohash: bytes) -> None:
        """The torrent uses nothing below the folder any more; raises nothing."""
        with self._lock:
            place = self._places.get(os.path.realpath(folder.root))
            if place is not None:
                place.claims = _without(place.claims, infohash.hex())
        if place is not None:
            self._told_less(place)

    def close(self) -> None:
        """Release everything."""
        with self._lock:
            places = list(self._places.values())
            for place in places:
                place.claims = {}
        for place in places:
            self._told_less(place)

    def _told_less(self, place: _Place) -> None:
        with place.lock:
            place.tell_less()
            with self._lock:
                if not place.claims and self._places.get(place.root) is place:
                    del self._places[place.root]


class _Place:
    # The claims of a session in one folder, and the file that tells others.

    def __init__(self, folder: Folder, root: str, name: str) -> None:
        self.root = root
        self.claims: Dict[str, Claim] = {}  # replaced under the lock of ``Claims``, never changed
        self.lock = allocate_lock()  # guards what follows
        self._folder = folder.at(root)
        self._parts: Parts = (HIDDEN_FOLDER, name)
        self._fd: Optional[int] = None
        self._told: Mapping[str, Claim] = {}  # what the file says

    def tell(self, claim: Claim) -> None:
        """Tell others, and see that none of them has the files."""
        with self.lock:
            try:
                with _turn(self._folder):
                    self._write(self.claims)
                    self._look_beside(claim)
            except Taken:
                raise
            except (OSError, StorageError):
                # Others cannot be told where nothing can be written: then the claim holds within the session.
                self._look_beside(claim)
            for root in (*_above(self.root), *self._inside(claim)):
                for parts in self._others(root):
                    self._look(self._folder.at(root), parts, claim, remove=False)

    def tell_less(self) -> None:
        """Take back what is not claimed any more; under the lock, raises nothing."""
        claims = self.claims
        if claims and self._fd is not None:
            if claims != self._told:
                with contextlib.suppress(OSError, StorageError), _turn(self._folder):
                    self._write(claims)
        elif self._fd is not None:
            with contextlib.suppress(OSError, StorageError):
                self._folder.remove(self._parts)
            self._folder.system.close(self._fd)
            self._fd = None
            self._told = {}
            if not self._others(self.root):
                with contextlib.suppress(OSError, StorageError):
                    self._folder.remove(TURN)
                self._folder.prune(self._parts)

    def _look_beside(self, claim: Claim) -> None:
        for parts in self._others(self.root):
            self._look(self._folder, parts, claim, remove=True)

    def _others(self, root: str) -> List[Parts]:
        names: List[str] = []
        with contextlib.suppress(OSError), os.scandir(os.path.join(root, HIDDEN_FOLDER)) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(SUFFIX)]
        return [(HIDDEN_FOLDER, name) for name in sorted(names)[:MAX_FILES] if name != self._parts[-1]]

    def _inside(self, claim: Claim) -> Iterator[str]:
        # The folders that the claim has files in, without those that are not there, or behind a link.
        inner: Set[str] = set()
        for folder in {path.rpartition("/")[0] for path in claim.paths.values()}:
            while folder and folder not in inner:
                inner.add(folder)
                folder = folder.rpartition("/")[0]
        absent: Set[str] = set()
        for folder in sorted(inner):
            root = os.path.join(self.root, *folder.split("/"))
            if folder.rpartition("/")[0] in absent or not _is_folder(root):
                absent.add(folder)
            else:
                yield root

    def _look(self, folder: Folder, parts: Parts, claim: Claim, *, remove: bool) -> None:
        # What somebody else claims; what a process left that has ended is removed.
        try:
            fd = folder.open(parts, os.O_RDONLY)
        except (OSError, StorageError):
            return
        try:
            said = _said(fd, folder)
            if locked_by(fd, said) is Alive.NO:
                if remove:
                    with contextlib.suppress(OSError, StorageError):
                        folder.remove(parts)
                return
        finally:
            folder.system.close(fd)
        _compare(_claims_in(said), claim.below(self.root, folder.root), folder.root, f"in process {said.get('pid')}")

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
        self._told = claims


def _compare(others: Iterable[Claim], claim: Claim, root: str, where: str) -> None:
    for other in others:
        path = other.hinders(claim)
        if path is not None:
            who = "the same content" if other.content == claim.content else "another torrent"
            verb = "is being written" if other.writing else "is in use"
            reason = f"{verb} by {who}, {other.name!r} ({other.infohash}), {where}"
            raise Taken(reason, os.path.join(root, *path.split("/")), errno.EBUSY)


def _hashes(paths: Iterable[str]) -> Dict[str, str]:
    return dict(map(_hashed, paths))


def _hashed(path: str) -> Tuple[str, str]:
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16], path


def _way(folder: str, inner: str) -> Optional[str]:
    # What leads from a folder to one inside it, with a slash at the end; None if it is not inside.
    begin = os.path.join(folder, "")
    return inner[len(begin) :].replace(os.sep, "/") + "/" if inner.startswith(begin) and inner != begin else None


def _above(root: str) -> List[str]:
    found = []
    while os.path.dirname(root) != root:
        root = os.path.dirname(root)
        found.append(root)
    return found


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def _without(claims: Mapping[str, Claim], infohash: str) -> Dict[str, Claim]:
    return {key: claim for key, claim in claims.items() if key != infohash}


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
        self._held: Optional[Tuple[Folder, Claim]] = None
        self._paths: List[Parts] = []

    def take(self, folder: Folder, paths: List[Parts], *, writing: bool) -> None:
        """Claim these files; costs nothing if they are claimed for that already.  Raises :class:`Taken`."""
        if self._held is not None:
            home, claim = self._held
            if home is folder and claim.writing == writing and self._paths == paths:
                return
        claim = self._claim(paths, writing=writing)
        self._claims.take(folder, claim)
        self._held, self._paths = (folder, claim), paths

    def _claim(self, paths: List[Parts], *, writing: bool) -> Claim:
        if self._held is None:
            return Claim.of(self._metainfo, paths, writing=writing)
        return self._held[1].at(paths, writing=writing)

    def release(self) -> None:
        """Claim nothing any more; raises nothing."""
        if self._held is not None:
            self._claims.release(self._held[0], self._metainfo.infohash)
            self._held = None

    @contextlib.contextmanager
    def renaming(self, folder: Folder, old: Parts, new: Parts) -> Iterator[None]:
        """Claim both paths of a file that gets another one, and in the end the new one if the old one was claimed.

        If that fails, what was claimed before stays so.  Raises :class:`Taken`.
        """
        before = self._held
        (key, path), added = _hashed("/".join(new)), _hashes(["/".join(old), "/".join(new)])
        claim = self._claim([], writing=True) if before is None else before[1]
        self._claims.take(folder, claim._replace(writing=True, paths={**claim.paths, **added}), added=added)
        try:
            yield
        except BaseException:
            self._claims.release(folder, self._metainfo.infohash)
            if before is not None:
                self._claims.take(*before)
            raise
        if before is None:
            self._claims.release(folder, self._metainfo.infohash)
            return
        paths = dict(claim.paths)
        if paths.pop(_hashed("/".join(old))[0], None) is not None:
            paths[key] = path
            self._paths = [new if parts == old else parts for parts in self._paths]
        self._held = folder, claim._replace(paths=paths)
        self._claims.reduce(*self._held)

    @contextlib.contextmanager
    def moving(self, folder: Folder, paths: List[Parts], after: Callable[[], List[Parts]]) -> Iterator[None]:
        """Claim files of this folder while they are made, and those of ``after`` then, if any was claimed before.

        If that fails, what was claimed before stays so.  Raises :class:`Taken`.
        """
        before = self._held
        self._claims.take(folder, self._claim(paths, writing=True))
        try:
            yield
        except BaseException:
            self._claims.release(folder, self._metainfo.infohash)
            if before is not None:
                self._claims.take(*before)
            raise
        if before is None:
            self._claims.release(folder, self._metainfo.infohash)
            return
        home, claim = before
        if os.path.realpath(home.root) != os.path.realpath(folder.root):
            self._claims.release(home, self._metainfo.infohash)
        self.take(folder, after(), writing=claim.writing)
