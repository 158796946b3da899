"""The verbs of a client that concern its files: read, check, move, and choose which to download."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Iterable, Literal, Mapping, Optional, Union, cast, overload

from .conditions import METADATA
from .engine.checks import Check
from .errors import BitTorrentError, Cancelled, SessionClosed, Stalled, WaitTimeout
from .explanation import explain
from .hashcheck import Hashcheck, HashcheckResult, piece_indexes, result_of
from .options import FolderPath, given_folder
from .progress_bar import PIECES, Progress, Report, check_progress_argument, reporting
from .reading.file_choice import FileName, file_index
from .reading.file_reader import FileReader
from .threads.latch import Cancel, check_cancel
from .timeouts import check_timeout
from .torrent_handle import TorrentHandle
from .wait import SHOW_INTERVAL, Wait, wait_for

if TYPE_CHECKING:
    from .serving.file_server import FileServer, Served


class FileVerbs:
    """Base of a client, which has the torrent; its files are in ``files``."""

    _handle: TorrentHandle

    def open(
        self,
        file: FileName,
        mode: str = "rb",
        *,
        readahead: Optional[int] = None,
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = 60.0,
        cancel: Optional[Cancel] = None,
    ) -> FileReader:
        """Open a file for reading, in any state, also while it is downloaded.

        What is read is downloaded first.  A file of priority 0 is wanted while it is open, and only what is read of it
        is downloaded, with ``readahead``.  With a magnet link the call waits for the metadata.

        Args:
            file: Its index, its path in the torrent with ``/`` between the components (with or without the name of
                the torrent in front), or one of ``files``.
            mode: Only ``rb``.
            readahead: Bytes to download ahead of the position; None for a number that grows while the file is read in
                sequence, up to half of ``Settings.piece_memory``.
            timeout: Most seconds that a read waits, and this call for metadata; None for no limit.
            stall_timeout: Most seconds that a read waits without progress; None for no limit.
            cancel: Ends the waits when it is set, such as a ``threading.Event``.

        Returns:
            The open file, at its begin.

        Raises:
            FileNotFoundError: If the torrent has no file of this path.
            IndexError: If the torrent has no file of this index.
            TypeError: If ``readahead`` is no integer, or a time limit no number.
            ValueError: If ``mode`` is another, or ``readahead`` or a time limit is negative.
            WaitTimeout: If the metadata did not come within ``timeout``.
            Stalled: If the metadata did not come, or cannot come because the client is stopped.
            Cancelled: If ``cancel`` was set.
            MetainfoError: If the metadata that came for a magnet link cannot be used.
            SessionClosed: If the client is closed.
        """
        if mode not in ("rb", "br"):
            raise ValueError(f"mode {mode!r} is not 'rb': for text, give the open file to io.TextIOWrapper")
        if readahead is not None and (not isinstance(readahead, int) or isinstance(readahead, bool)):
            raise TypeError(f"readahead must be bytes, or None for a number that grows, not {readahead!r}")
        if readahead is not None and readahead < 0:
            raise ValueError(f"readahead {readahead} is negative")
        check_timeout(timeout)
        check_timeout(stall_timeout, "stall_timeout")
        check_cancel(cancel)
        handle = self._handle
        if not handle.status.metadata:
            if handle.status.state == "stopped" and not handle.closed:
                raise Stalled(
                    "the metadata is not known, and the torrent is stopped",
                    {"state": "stopped"},
                    explain(handle.status),
                )
            wait_for(Wait(handle, METADATA, timeout, stall_timeout), cancel)
        index = file_index(handle.torrent.content.metainfo, file)
        return FileReader(
            handle, self, index, readahead=readahead, timeout=timeout, stall_timeout=stall_timeout, cancel=cancel
        )

    def serve(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        origins: Iterable[str] = (),
        stall_timeout: Optional[float] = 300.0,
    ) -> FileServer:
        """Serve the files over HTTP, also while they are downloaded, to a media player or a browser.

        What is requested is downloaded first.  The server runs until it or the client is closed, and keeps the client
        from being garbage-collected.

        Args:
            host: Address to listen on.  The default is reachable from this machine only; behind any other there is no
                protection: whoever reaches the port can read the files.
            port: Port to listen on; 0 lets the system choose one.
            origins: Origins whose pages may embed and read the files, such as ``https://example.org``, besides pages of
                this machine; ``*`` for all.
            stall_timeout: Seconds without progress after which a request that waits for data ends; None for no limit.

        Returns:
            The server, which listens already.

        Raises:
            ListenError: If the address or the port cannot be used.
            TypeError: If ``port`` is no integer, ``origins`` is a string, or ``stall_timeout`` is no number.
            ValueError: If ``port`` is no port, or ``stall_timeout`` is negative.
            SessionClosed: If the client is closed.
            ThreadError: If the system cannot start a thread.
        """
        from .serving.file_server import FileServer

        if self._handle.closed or self._handle.runtime.closed:
            raise SessionClosed("the client is closed")
        check_timeout(stall_timeout, "stall_timeout")
        client = cast("Served", self)
        return FileServer(client, host, port, origins=origins, stall_timeout=stall_timeout)

    @overload
    def hashcheck(
        self,
        *pieces: Union[int, Iterable[int]],
        wait: Literal[True] = True,
        cancel: Optional[Cancel] = None,
        progress: Progress = False,
    ) -> HashcheckResult: ...

    @overload
    def hashcheck(
        self,
        *pieces: Union[int, Iterable[int]],
        wait: Literal[False],
        cancel: Optional[Cancel] = None,
        progress: Progress = False,
    ) -> Hashcheck: ...

    def hashcheck(
        self,
        *pieces: Union[int, Iterable[int]],
        wait: bool = True,
        cancel: Optional[Cancel] = None,
        progress: Progress = False,
    ) -> Union[HashcheckResult, Hashcheck]:
        """Hash pieces, in any state, without any socket.

        Each result updates the bitfield and calls the callbacks.

        Args:
            *pieces: Indexes, or iterables of indexes; all pieces if there are none.
            wait: Wait for the result.
            cancel: Ends the check when it is set, such as a ``threading.Event``.
            progress: Shows the pieces that are hashed while the call waits, as for :func:`download`.

        Returns:
            The result, or with ``wait=False`` the check, which can be waited for.

        Raises:
            IndexError: If the torrent does not have a piece.
            TypeError: If a piece is no index.
            Cancelled: If ``cancel`` was set; the check is cancelled.
            MetadataUnknown: If the metadata of a magnet link is not known yet.
            SessionClosed: If the client is closed.
        """
        check_progress_argument(progress)
        check_cancel(cancel)
        indexes = piece_indexes(pieces, self._handle.torrent.content.metainfo.piece_count)
        torrent, reply = self._handle.torrent, self._handle.reply()

        def done(check: Check) -> None:
            reply.set(result_of(check))

        check = self._handle.call(lambda: torrent.content.hashcheck(indexes, done))
        handle = Hashcheck(reply, lambda: self._handle.call(lambda: torrent.content.checks.cancel(check)))
        if not wait:
            return handle
        try:
            with reporting(progress, self._handle.status.name) as report:
                while report is not None and not handle.done:
                    report(Report(len(check.passed) + len(check.failed), len(indexes), PIECES))
                    with contextlib.suppress(WaitTimeout):
                        handle.wait(SHOW_INTERVAL, cancel=cancel)
                result = handle.wait(cancel=cancel)
                if report is not None:
                    report(Report(len(result.passed) + len(result.failed), len(indexes), PIECES))
                return result
        except (KeyboardInterrupt, Cancelled):
            with contextlib.suppress(BitTorrentError):
                handle.cancel()
            raise

    def move(self, basedir: FolderPath, timeout: Optional[float] = None) -> None:
        """Move all files to another folder, in any state, also to another file system.

        No data is received or sent meanwhile, and the connections are kept.  At every moment each file is complete at
        the old or at the new place.  After a failure the client continues at the old one; the property ``basedir``
        is the current one.

        Args:
            basedir: The new folder.
            timeout: Most seconds to wait; None for no limit.  Then the move is undone, unless it ends at that moment.

        Raises:
            StorageError: If a file cannot be moved, another file is in the way, or old names could not be removed.
            WaitTimeout: After ``timeout`` seconds.
            MetadataUnknown: If the metadata of a magnet link is not known yet.
            SessionClosed: If the client is closed.
        """
        target, move_storage = given_folder(basedir), self._handle.torrent.content.move_storage
        self._handle.move_files(lambda moved: move_storage.move(target, moved), timeout)

    def set_priorities(self, priorities: Mapping[int, int]) -> None:
        """Set the priorities of files.

        Args:
            priorities: Priorities, 0 (not downloaded) to 7 (first), by the index of the file.

        Raises:
            IndexError: If the torrent does not have a file.
            TypeError: If a priority is no integer.
            ValueError: If a priority is not 0 to 7.
            MetadataUnknown: If the metadata of a magnet link is not known yet.
            SessionClosed: If the client is closed.
        """
        self._handle.set_priorities(priorities)
