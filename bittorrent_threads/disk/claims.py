"""``Claims``: which torrents of a session use which files; ``TorrentClaim``: the part of one torrent.

A claim is compared with those of the same session in memory, and with those of other sessions and processes through the
claim file of each folder (see ``claim_file``).
"""

from __future__ import annotations

import contextlib
import os
from types import MappingProxyType
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ..metainfo.metainfo import Metainfo
from ..threads.original import allocate_lock
from .claim import Claim, PathChange, path_hash, refuse_conflicts
from .claim_file import SUFFIX, ClaimFile
from .folder import Folder, Parts


class Claims:
    """The claims of one session; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._files: Dict[str, ClaimFile] = {}  # by the real path of the folder
        self._name = f"{os.getpid():x}.{os.urandom(6).hex()}{SUFFIX}"

    def take(self, folder: Folder, claim: Claim, *, beside: bool = False) -> str:
        """Claim files below a folder.

        Args:
            folder: The folder.
            claim: What the torrent uses from now on.
            beside: Whether the torrent keeps what it claimed there before, until ``renamed`` or ``release``.

        Returns:
            The real path of the folder.

        Raises:
            FileInUse: Another torrent uses one of the files; the torrent keeps its previous claim.
        """
        root, key = os.path.realpath(folder.root), _key(claim.infohash, beside)
        with self._lock:
            for file in self._files.values():
                others = [other for other in file.claims.values() if other.infohash != claim.infohash]
                refuse_conflicts(others, claim.below(root, file.root), file.root, "in this session")
            file = self._files.get(root) or self._files.setdefault(root, ClaimFile(folder, root, self._name))
            before = file.claims.get(key)
            file.claims = {**file.claims, key: claim}
        try:
            file.store(claim, folder)
        except BaseException:
            with self._lock:
                file.claims = _without(file.claims, key) if before is None else {**file.claims, key: before}
            self._store_reduced(file)
            raise
        return root

    def renamed(self, root: str, claim: Claim, change: PathChange) -> None:
        """Change a claim after the rename of a file, and remove what the torrent claimed beside it; raises nothing.

        Args:
            root: The real path of the folder of the claims.
            claim: The claim of the torrent, which is changed.
            change: The path of the file before and after.
        """
        with self._lock:
            claim.rename(change)
            file = self._files.get(root)
            if file is not None:
                file.claims = _without(file.claims, _key(claim.infohash, beside=True))
        if file is not None:
            self._store_reduced(file, {claim.infohash: change})

    def release(self, folder: Folder, infohash: bytes, *, beside: bool = False) -> None:
        """Remove the claim of a torrent below a folder; raises nothing.

        Args:
            folder: The folder of the claim.
            infohash: The 20 bytes of the torrent's infohash.
            beside: Whether it was taken as ``beside`` another one.
        """
        with self._lock:
            file = self._files.get(os.path.realpath(folder.root))
            if file is not None:
                file.claims = _without(file.claims, _key(infohash.hex(), beside))
        if file is not None:
            self._store_reduced(file)

    def close(self) -> None:
        """Remove all claims."""
        with self._lock:
            files = list(self._files.values())
            for file in files:
                file.claims = {}
        for file in files:
            self._store_reduced(file)

    def _store_reduced(self, file: ClaimFile, changes: Mapping[str, PathChange] = MappingProxyType({})) -> None:
        with file.lock:
            file.store_reduced(changes)
            with self._lock:
                if not file.claims and self._files.get(file.root) is file:
                    del self._files[file.root]


class TorrentClaim:
    """The claim of one torrent in the folder of its files; not for two threads at once."""

    def __init__(self, claims: Claims, metainfo: Metainfo, origin: str = "") -> None:
        self._claims = claims
        self._origin = origin
        self._metainfo = metainfo
        self._current: Optional[Tuple[Folder, Claim]] = None
        self._paths: Optional[List[Parts]] = None
        """The paths of the current claim; None after a rename."""

    def take(self, folder: Folder, paths: List[Parts], *, writing: bool) -> None:
        """Claim files; an unchanged claim costs nothing.

        Args:
            folder: The folder of the files.
            paths: Components of each path below the folder.
            writing: Whether the torrent writes to the files.

        Raises:
            FileInUse: Another torrent uses one of the files.
        """
        if self._current is not None:
            current_folder, claim = self._current
            if current_folder is folder and claim.writing == writing and self._paths == paths:
                return
        claim = self._claim(paths, writing=writing)
        self._claims.take(folder, claim)
        self._current, self._paths = (folder, claim), paths

    def release(self) -> None:
        """Remove the claim; raises nothing."""
        if self._current is not None:
            self._claims.release(self._current[0], self._metainfo.infohash)
            self._current = None

    @contextlib.contextmanager
    def renaming(self, folder: Folder, old: Parts, new: Parts) -> Iterator[None]:
        """Claim the old and the new path of a file while it is renamed.

        After the context only the new path is claimed, if the old one was claimed before.  If the context raises, the
        claim is as before.

        Args:
            folder: The folder of the file.
            old: Components of its path.
            new: Components of the path that it is to have.

        Raises:
            FileInUse: Another torrent uses one of the paths.
        """
        before, infohash = self._current, self._metainfo.infohash
        change = PathChange(*path_hash("/".join(old)), *path_hash("/".join(new)))
        claim = self._claim([], writing=True) if before is None else before[1]
        root = self._claims.take(folder, claim._replace(writing=True, paths=change.paths), beside=True)
        try:
            yield
        except BaseException:
            self._claims.release(folder, infohash, beside=True)
            raise
        if before is None or change.old_hash not in claim.paths:
            self._claims.release(folder, infohash, beside=True)
            return
        self._paths = None
        self._claims.renamed(root, claim, change)

    @contextlib.contextmanager
    def moving(self, folder: Folder, paths: List[Parts], after: Callable[[], List[Parts]]) -> Iterator[None]:
        """Claim files of another folder while the torrent is moved there.

        After the context the paths of ``after`` are claimed there, if anything was claimed before.  If the context
        raises, the claim is as before.

        Args:
            folder: The new folder.
            paths: Components of the path of each file below it.
            after: Returns the paths to be claimed after the move.

        Raises:
            FileInUse: Another torrent uses one of the paths.
        """
        before = self._current
        self._claims.take(folder, self._claim(paths, writing=True))
        with self._restored(folder, before):
            yield
        if before is None:
            self._claims.release(folder, self._metainfo.infohash)
            return
        old_folder, claim = before
        if os.path.realpath(old_folder.root) != os.path.realpath(folder.root):
            self._claims.release(old_folder, self._metainfo.infohash)
        self.take(folder, after(), writing=claim.writing)

    def _claim(self, paths: List[Parts], *, writing: bool) -> Claim:
        if self._current is None:
            return Claim.of(self._metainfo, paths, writing=writing, origin=self._origin)
        return self._current[1].at(paths, writing=writing)

    @contextlib.contextmanager
    def _restored(self, folder: Folder, before: Optional[Tuple[Folder, Claim]]) -> Iterator[None]:
        # The previous claim is taken again if the context raises.
        try:
            yield
        except BaseException:
            self._claims.release(folder, self._metainfo.infohash)
            if before is not None:
                self._claims.take(*before)
            raise


def _key(infohash: str, beside: bool) -> str:
    # Of a claim in the table of its file.
    return f"{infohash}+" if beside else infohash


def _without(claims: Mapping[str, Claim], removed: str) -> Dict[str, Claim]:
    return {key: claim for key, claim in claims.items() if key != removed}
