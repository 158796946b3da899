"""``Disk``: workers and open files of a session, and the storages of its torrents (``engine.interfaces.Disk``)."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Optional

from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import HIDDEN_FOLDER
from ..settings import Settings
from ..threads.original import original_module
from .allocation import SPARSE
from .claims import Claims, TorrentClaim
from .content import Content
from .file_pool import FilePool
from .folder import Folder
from .hash_buffer import HashBuffers
from .piece_io import Pieces
from .pool import Pool
from .resume_file import ResumeFile
from .storage import Storage


class Disk:
    """Where the torrents of a session keep their files.

    ``post`` is ``Loop.post``, ``crowded`` is as for ``FilePool``, ``system`` as for ``Folder``, by default ``os``.
    There is one worker more than ``Settings.disk_threads``: hash checks and syncs never take the last one, so that a
    peer's read does not wait for them, and two of them still keep two processors busy.
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
        self, metainfo: Metainfo, basedir: str, *, resume_dir: Optional[str] = None, allocation: str = SPARSE
    ) -> Storage:
        """The storage of one torrent; touches no file yet.

        Resume data is kept in ``resume_dir``, or beside the data in a hidden folder.  ``allocation`` is one of
        ``ALLOCATIONS``.
        """
        folder = Folder(basedir, system=self._system, relief=self._files.relieve)
        name = _resume_name(metainfo)
        if resume_dir is None:
            resume_file = ResumeFile(folder, (HIDDEN_FOLDER, name))
        else:
            resume_file = ResumeFile(folder.at(resume_dir), (name,))
        content = Content(metainfo, folder, self._files, allocation=allocation, names=self._names)
        pieces, claim = Pieces(metainfo, content, self._scratches), TorrentClaim(self._claims, metainfo)
        return Storage(metainfo, content, pieces, resume_file, claim, self._pool)

    def close(self, timeout: float = 0.0) -> bool:
        """End the workers, within ``timeout`` seconds; jobs that have not begun are answered with ``SessionClosed``.

        Returns whether all ended.  The last worker closes every file, be it later.
        """
        return self._pool.close(timeout)

    def _finish(self) -> None:
        self._files.close()
        self._claims.close()

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the workers to end; whether all did.  For any thread."""
        return self._pool.join(timeout)


def stored_resume(metainfo: Metainfo, basedir: str) -> Optional[Dict[str, Any]]:
    """The resume data beside the files of a torrent, as plain data; None if there is none that can be used."""
    resume, _ = ResumeFile(Folder(basedir), (HIDDEN_FOLDER, _resume_name(metainfo))).load(metainfo)
    return None if resume is None else resume.plain()


def _resume_name(metainfo: Metainfo) -> str:
    return f"{metainfo.infohash.hex()}.resume"


def _affordable() -> int:
    """Files that may be kept open so that sockets find descriptors, too: a quarter of what the process may have."""
    try:
        import resource
    except ImportError:
        return sys.maxsize
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else max(1, soft // 4)
