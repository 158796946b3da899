"""``Disk``: the workers and the open files of a session, and the storages of its torrents."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

from ..errors import SessionClosed, StorageError
from ..metainfo.infohash import InfoHash
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import HIDDEN_FOLDER
from ..settings import Settings
from ..threads.original import original_module
from .allocation import SPARSE
from .claims import Claims, TorrentClaim
from .content import Content
from .file_pool import FilePool
from .folder import Folder, Parts
from .hash_buffer import HashBuffers
from .metadata_file import MetadataFile, StoredMetadata
from .piece_io import Pieces
from .pool import Outcome, Pool
from .results import Done, Stored, bare
from .resume_file import ResumeFile, metadata_parts
from .state_file import StateFile
from .storage import Storage

T = TypeVar("T")


class Disk:
    """The disk of a session.

    There is one worker more than ``Settings.disk_threads``: hash checks and syncs never take the last one, so that a
    read for a peer does not wait for them, and still use all processors.

    Args:
        settings: Those of the session.
        post: ``Loop.post``.
        crowded: As for ``FilePool``.
        system: As for ``Folder``; by default ``os``.
    """

    def __init__(
        self,
        settings: Settings,
        post: Callable[[Callable[[], None]], None],
        *,
        crowded: Callable[[], bool] = lambda: False,
        system: Any = None,
    ) -> None:
        self._system = system or original_module("os")
        self._names = settings.names
        self._files = FilePool(min(settings.max_open_files, _affordable()), crowded=crowded)
        self._scratches = HashBuffers()
        self._claims = Claims()
        self._pool = Pool(settings.disk_threads + 1, post, finish=self._finish)

    @property
    def waiting(self) -> int:
        """Jobs that have not begun."""
        return self._pool.waiting

    def start(self) -> None:
        """Start the workers."""
        self._pool.start()

    def open(
        self,
        metainfo: Metainfo,
        basedir: str,
        *,
        resume_dir: Optional[str] = None,
        allocation: str = SPARSE,
        site: str = "",
    ) -> Storage:
        """Make the storage of a torrent, without using any file.

        Args:
            metainfo: The torrent.
            basedir: The folder of its files.
            resume_dir: The folder of its resume data; by default a hidden folder beside the files.
            allocation: One of ``ALLOCATIONS``.
            site: Where the program made the torrent, for others that want the same files.

        Returns:
            The storage.
        """
        folder = Folder(basedir, system=self._system, relief=self._files.relieve)
        resume_file = ResumeFile(*_resume_place(folder, metainfo.infohash, resume_dir))
        content = Content(metainfo, folder, self._files, allocation=allocation, names=self._names)
        pieces, claim = Pieces(metainfo, content, self._scratches), TorrentClaim(self._claims, metainfo, site)
        return Storage(metainfo, content, pieces, resume_file, claim, self._pool)

    def load_state(self, path: str, deliver: Callable[[Stored], None]) -> None:
        """Read the plain data that ``store_state`` wrote.

        Args:
            path: The file; there may be none.
            deliver: Called with the result.
        """

        def failed(error: BaseException) -> Stored:
            return Stored(None, bare(StorageError.wrap(error, path)))

        def read() -> Stored:
            return Stored(StateFile(path, system=self._system).load(), None)

        self._pool.submit(read, lambda outcome: deliver(outcome.value(failed)), background=True)

    def store_state(self, path: str, state: object, deliver: Callable[[Done], None]) -> None:
        """Write plain data to a file, atomically.

        Args:
            path: The file.
            state: Dictionaries, lists, strings and numbers, which must not change until ``deliver`` is called.
            deliver: Called with the result.
        """

        def finish(outcome: Outcome[None]) -> None:
            error = outcome.error
            deliver(Done(None if error is None else bare(StorageError.wrap(error, path))))

        self._pool.submit(lambda: StateFile(path, system=self._system).store(state), finish, background=True)

    def metadata(self, infohash: bytes, basedir: str, *, resume_dir: Optional[str] = None) -> StoredMetadata:
        """Make the store of the metadata of a torrent, without using any file; arguments as of ``open``."""
        folder = Folder(basedir, system=self._system, relief=self._files.relieve)
        where, parts = _resume_place(folder, infohash, resume_dir)
        return StoredMetadata(MetadataFile(where, metadata_parts(parts)), self._pool)

    def compute(self, function: Callable[[], T], deliver: Callable[[Outcome[T]], None]) -> None:
        """Run a function that takes long on a worker, and deliver its outcome; never after the disk was closed."""
        with contextlib.suppress(SessionClosed):
            self._pool.submit(function, deliver)

    def close(self, timeout: float = 0.0) -> bool:
        """End the workers; jobs that have not begun end with ``SessionClosed``.  The last worker closes all files.

        Args:
            timeout: Seconds to wait for the workers.

        Returns:
            Whether all ended.
        """
        return self._pool.close(timeout)

    def _finish(self) -> None:
        self._files.close()
        self._claims.close()

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the workers to end; return whether all did.  For any thread."""
        return self._pool.join(timeout)


def stored_resume(metainfo: Metainfo, basedir: str) -> Optional[Dict[str, Any]]:
    """Return the resume data beside the files of a torrent as plain data; None if there is no valid one."""
    resume, _ = ResumeFile(*_resume_place(Folder(basedir), metainfo.infohash, None)).load(metainfo)
    return None if resume is None else resume.plain()


def stored_metadata(infohashes: InfoHash, basedir: str, *, max_size: int) -> Optional[bytes]:
    """Return the metadata that is stored beside the files of a torrent; None if there is none that is right."""
    folder, parts = _resume_place(Folder(basedir), infohashes.primary, None)
    return MetadataFile(folder, metadata_parts(parts)).load(infohashes, max_size)


def _resume_place(folder: Folder, infohash: bytes, resume_dir: Optional[str]) -> Tuple[Folder, Parts]:
    # The folder and the components of the path of the resume file.
    name = f"{infohash.hex()}.resume"
    return (folder, (HIDDEN_FOLDER, name)) if resume_dir is None else (folder.at(resume_dir), (name,))


def _affordable() -> int:
    """Return how many files may be kept open, a quarter of the descriptors of the process."""
    try:
        import resource
    except ImportError:
        return sys.maxsize
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, soft // 4)
