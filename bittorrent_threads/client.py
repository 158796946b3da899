"""A client: downloads and seeds one torrent, for blocking code.

Every method may be called from any thread, in any state, any number of times.  Properties read the newest snapshot of
the network thread, and never wait for it.
"""

from __future__ import annotations

import contextlib
import time
from typing import Dict, Iterable, Mapping, Optional, Sequence, Tuple, Union

from .conditions import Until, condition_of
from .disk.allocation import ALLOCATIONS, SPARSE
from .engine.torrent_params import TorrentParams
from .errors import WaitTimeout
from .event_dispatcher import Callback, EventDispatcher, EventSource
from .file_verbs import FileVerbs
from .metainfo.urls import Trackers, given_tiers
from .options import (
    FolderPath,
    PieceCache,
    Source,
    check_choice,
    given_folder,
    given_peer,
    given_peers,
    torrent_of,
    used_settings,
)
from .origin import origin
from .progress_bar import Progress
from .runtime import Runtime
from .settings import Settings
from .status import Status
from .swarm.file_progress import check_priority
from .threads.latch import Cancel
from .timeouts import check_timeout
from .torrent_handle import TorrentHandle
from .torrent_view import TorrentView
from .tracker_verbs import TrackerVerbs
from .wait import Wait, wait_for

STATES = ("active", "paused", "stopped")


class Client(TorrentView, EventSource, FileVerbs, TrackerVerbs):
    """Downloads and seeds one torrent.

    Use it as a context manager, or ``close`` it.  Iterating over it takes its events, to the last one.

    Args:
        source: Path of a .torrent file, its content, a :class:`Metainfo`, or a magnet link (its URI or a
            :class:`Magnet`), whose metadata is fetched from peers first.
        basedir: Folder that contains the files of the torrent, or their folder.
        port: Listening port of the session that the client makes; 0 for ``settings.port``.
        state: ``active`` (``started`` means the same), ``paused`` or ``stopped``.
        on_hash_pass: Called in the callback thread with the index of each piece that has the right hash.
        on_hash_fail: Called in the callback thread with the index of each piece that has a wrong hash.
        piece_cache: The value of this property of an earlier client.
        session: A :class:`Session` to share.
        settings: Settings of the session that the client makes if it is given none.
        peers: Addresses to connect to, as ``(host, port)``.
        trackers: Trackers besides those of the torrent: a URL, URLs (each a tier) or a list of tiers (BEP 12).
        priorities: Priority of each file, 0 (not downloaded) to 7 (first).  With a magnet link they are used instead
            of the files that it selects; files beyond them have priority 1, priorities beyond the files are ignored.
        stop_at_metadata: Stop when the metadata of a magnet link has come, before any file is made; ``start`` goes on.
        sequential: Download the pieces in their order.
        super_seeding: Seed as :attr:`super_seeding` describes, once every piece is there.
        allocate: ``sparse`` (files grow as data arrives) or ``full`` (all files are allocated first).
        resume: Where to store which pieces are there: in ``.bittorrent_threads`` in ``basedir`` (True), in a folder
            (its path), or nowhere (False).
        download_limit: Most bytes a second to receive, 0 for no limit.
        upload_limit: Most bytes a second to send, 0 for no limit.

    Raises:
        MetainfoError: If the torrent or the magnet link cannot be used.
        StorageError: If ``basedir`` is a file, or below one.
        SettingsError: If a limit or the URL of a tracker is wrong.
        StateError: If another argument is wrong, or the session has the torrent already.
        ListenError: If no port could be bound, with ``Settings.port_strict``.
        SessionClosed: If the session is closed.
        ThreadError: If the system cannot start a thread.
    """

    def __init__(
        self,
        source: Source,
        basedir: FolderPath = ".",
        *,
        port: int = 0,
        state: str = "active",
        on_hash_pass: Optional[Callback] = None,
        on_hash_fail: Optional[Callback] = None,
        piece_cache: Optional[PieceCache] = None,
        session: Optional[Runtime] = None,
        settings: Optional[Settings] = None,
        peers: Iterable[Tuple[str, int]] = (),
        trackers: Trackers = (),
        priorities: Optional[Sequence[int]] = None,
        stop_at_metadata: bool = False,
        sequential: bool = False,
        super_seeding: bool = False,
        allocate: str = SPARSE,
        resume: Union[bool, FolderPath] = True,
        download_limit: int = 0,
        upload_limit: int = 0,
    ) -> None:
        used = used_settings(session, settings, port)
        state = "active" if state == "started" else state
        check_choice("state", state, STATES)
        check_choice("allocate", allocate, ALLOCATIONS)
        if isinstance(priorities, Mapping):
            raise TypeError("priorities must be a list with that of each file; set_priorities() takes a dictionary")
        for file, priority in enumerate(priorities or ()):
            check_priority(file, priority)
        addresses = given_peers(peers)
        self._basedir = given_folder(basedir)
        params = TorrentParams(
            self._basedir,
            piece_cache=piece_cache or None,  # that of a client that never looked at its files is empty
            resume=resume is not False,
            resume_dir=None if isinstance(resume, bool) else given_folder(resume, "resume"),
            sequential=sequential,
            super_seeding=bool(super_seeding),
            allocation=allocate,
            priorities=priorities,
            stop_at_metadata=stop_at_metadata,
            trackers=given_tiers(trackers),
            download_limit=download_limit,
            upload_limit=upload_limit,
            origin=origin(),
        )
        torrent = torrent_of(source, used)
        self._infohash = torrent.infohash
        self._owns_session = session is None
        self._session = session = Runtime(used) if session is None else session
        dispatcher = EventDispatcher(self._infohash, used.event_queue_size, session._loop.post)
        self._event_dispatcher = dispatcher
        try:
            dispatcher.set_callbacks(on_hash_pass, on_hash_fail)
            added = session._add(self, dispatcher, lambda engine: engine.add(torrent, params, dispatcher))
            self._handle = TorrentHandle(session, dispatcher, added)
            if priorities is not None and self.metainfo is not None:
                self.set_priorities(dict(enumerate(priorities)))
            for host, number in addresses:
                self.add_peer(host, number)
            if state != "stopped":
                self._set_state(state)
        except BaseException:
            self.close()
            raise

    # -- verbs -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Announce, listen, connect, request and serve.

        Files that are there are hashed first, unless resume data or ``piece_cache`` lists their pieces.

        Raises:
            SessionClosed: If the client is closed.
            ListenError: If no port could be bound, with ``Settings.port_strict``.
            MetainfoError: If the metadata that came for a magnet link cannot be used.
        """
        self._set_state("active")

    def pause(self) -> None:
        """Request and serve nothing; connections are kept, made and accepted.

        Raises:
            SessionClosed: If the client is closed.
            ListenError: If no port could be bound, with ``Settings.port_strict``.
        """
        self._set_state("paused")

    def stop(self, timeout: float = 5.0) -> None:
        """Announce ``stopped``, close every connection and file, and neither make nor accept connections.

        Args:
            timeout: Most seconds to wait until that is done.

        Raises:
            ValueError: If ``timeout`` is negative.
            SessionClosed: If the client is closed.
        """
        check_timeout(timeout)
        torrent, reply = self._handle.torrent, self._handle.reply()

        self._handle.call(lambda: torrent.stop(lambda: reply.set(None)))
        with contextlib.suppress(WaitTimeout):
            reply.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Stop, sync and close the files, and end the threads of the client's own session.

        Where the page cache of the system outlives the process, the sync ends after 0.1 s, and the resume data names
        the pieces that were not synced; ``Settings.sync_at_close`` changes that.

        It may be called any number of times, in any thread.  After an interrupt, or a ``timeout`` that was too short,
        closing goes on by itself, and a further call waits for its end.  If the files could not be synced in time, the
        ``reason`` of the event ``Closed`` says so.

        Args:
            timeout: Most seconds to wait.
        """
        deadline = time.monotonic() + timeout
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.closed = True
        if self._event_dispatcher.calling or handle is None:
            # A callback closes the client, and cannot wait for its own end; or the constructor failed.
            self._event_dispatcher.end("")
        if self._owns_session:
            self._session.close(timeout)
        else:
            self._session._remove(self, self._infohash, timeout)
        self._detach(max(0.1, deadline - time.monotonic()))

    def wait(
        self,
        until: Until = "complete",
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = None,
        *,
        cancel: Optional[Cancel] = None,
        progress: Progress = False,
    ) -> Status:
        """Wait for a condition.

        Args:
            until: ``complete`` (every wanted piece is there), ``seed`` (every piece), ``checked`` (no hash check is
                under way), ``metadata`` (that of a magnet link is known), one of ``files``, a ``pathlib.Path``
                (that of a file in the torrent, also before the metadata is known), a float (share of what is wanted,
                above 0.0 and at most 1.0), or a function of the status, which is called at each change and several
                times a second.
            timeout: Most seconds to wait; None for no limit.
            stall_timeout: Most seconds without progress; None for no limit.
            cancel: Ends the wait when it is set, such as a ``threading.Event``.  The client goes on.
            progress: True draws a bar or writes lines, and a function is called, as for :func:`download`.

        Returns:
            The status that fulfils the condition.

        Raises:
            WaitTimeout: After ``timeout`` seconds.
            Stalled: After ``stall_timeout`` seconds without progress; its ``explanation`` has what was missing.
            Cancelled: If ``cancel`` was set.
            MetainfoError: If the metadata that came for a magnet link cannot be used.
            SessionClosed: If the client is closed, and the condition is not fulfilled.
            ValueError: If there is no such condition, or a time limit is negative.
            TypeError: If ``until`` is nothing that can be waited for, or a time limit is no number.
            FileNotFoundError: If the torrent has no such file.
            StateError: If the file is not wanted (its priority is 0).
        """
        return wait_for(Wait(self._handle, condition_of(self, until), timeout, stall_timeout), cancel, progress)

    def watch(
        self,
        until: Until = "complete",
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = None,
        *,
        cancel: Optional[Cancel] = None,
        interval: float = 0.5,
    ) -> Status:
        """Wait for a condition as ``wait`` does, and show the progress meanwhile.

        In a notebook it is a card in the output of the cell, which changes in place; elsewhere it is a line on standard
        output every two seconds.  The waiting thread shows it.  Interrupting the cell ends the wait and nothing else:
        the client goes on, and can be watched again.  Other errors are those of ``wait``.

        Args:
            until: As for ``wait``.
            timeout: As for ``wait``.
            stall_timeout: As for ``wait``.
            cancel: As for ``wait``.
            interval: Least seconds between two changes of the card.

        Returns:
            The status that fulfils the condition.

        Raises:
            KeyboardInterrupt: If it is interrupted; a notebook shows one line instead of the traceback.
        """
        from .notebook.watch import display_for, watching

        wait = Wait(self._handle, condition_of(self, until), timeout, stall_timeout)
        with watching(display_for(self._card), self.status, interval) as look:
            return wait_for(wait, cancel, lambda report: look(self.status()))

    # -- peers and resume data -----------------------------------------------------------------------------------------

    def add_peer(self, host: str, port: int) -> None:
        """Connect to a peer.

        Args:
            host: Host name or numeric address; a link-local IPv6 address with its zone, as ``fe80::1%eth0``.
            port: Port at which the peer listens.

        Raises:
            TypeError: If the host is no text.
            ValueError: If the port is not 1 to 65535.
            SessionClosed: If the client is closed.
        """
        address = given_peer(host, port)
        self._handle.call(lambda: self._handle.torrent.add_peer(*address))

    @property
    def piece_cache(self) -> Dict[str, object]:
        """Plain data with which ``Client(..., piece_cache=...)`` hashes nothing again, for json or pickle.

        Reading it syncs the files first.  It works after ``close`` too.  It is empty if the client never found out
        which pieces are there.
        """
        torrent = self._handle.torrent
        if self._handle.closed:
            resume = torrent.kept
        else:
            reply = self._handle.reply()
            self._handle.call(lambda: torrent.keep(reply.set))
            resume = reply.wait()
        return {} if resume is None else resume.plain()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        status = self.status()
        return f"<bittorrent_threads.Client {self.name!r} {status.state}, {status.progress:.1%} of {self.size} bytes>"

    # -- inside ----------------------------------------------------------------------------------------------------

    def _set_state(self, state: str) -> None:
        self._handle.call(lambda: self._handle.torrent.set_state(state))

    def _detach(self, timeout: float) -> None:
        """Wait for the last event and the last callback, as the session ends or forgets the torrent."""
        handle = getattr(self, "_handle", None)
        if handle is not None:
            handle.closed = True
        if not self._event_dispatcher.join(timeout):
            self._event_dispatcher.end("")
