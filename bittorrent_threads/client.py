"""One torrent for blocking code: five verbs, plain properties, a queue of events.

The verbs may be called from any thread, in any state, any number of times.  Properties read the snapshot that the
network thread made last and never wait for it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import time
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Sequence, Tuple, Union

from . import events as happened
from .disk.allocation import ALLOCATIONS, SPARSE
from .engine.checks import Check
from .engine.engine import Engine
from .engine.torrent import Torrent
from .errors import BitTorrentError, Cancelled, SessionClosed, StateError, WaitTimeout
from .event_dispatcher import Callback, EventDispatcher
from .event_queue import EventQueue
from .facts import Facts
from .file import File, relocate
from .hashcheck import Hashcheck, HashcheckResult, piece_indexes, result_of
from .metainfo.urls import Trackers, given_tiers
from .session import Session
from .settings import Settings
from .source import Source, metainfo_of
from .status import Status
from .threads.latch import Cancel
from .waiting import CONDITIONS, Until, gave_up, wanted

STATES = ("active", "paused", "stopped")
LOOK = 0.25
"""Seconds between two calls of a function that ``wait`` was given, as it may look at more than the status."""


class Client(Facts):
    """A torrent being downloaded or seeded.

    ``source`` is the path or the bytes of a .torrent, or a :class:`Metainfo`; ``basedir`` the folder of its data.
    ``state`` is ``active``, ``paused`` or ``stopped`` (``started`` is taken as ``active``).  ``on_hash_pass(index)``
    and ``on_hash_fail(index)`` run on the callback thread.  ``piece_cache`` is what another client's property of that
    name gave.  Without ``session`` the client makes its own with ``settings`` and ``port``.  ``peers`` are ``(host,
    port)`` to dial, ``trackers`` URLs to announce to besides those of ``source``: each a tier of its own, or lists of
    them, each a tier (BEP 12).  ``priorities`` are one number a file (0 never, 7 first), ``sequential`` takes pieces in
    order.
    ``allocate`` is ``sparse``: files grow as data comes; or ``full``: the room of every wanted file is taken before
    anything is asked of a peer, so that a disk too small is told at once (``StorageFailed``).
    ``resume`` says where is kept which pieces are there: in ``basedir/.bittorrent_threads`` (True), in another folder
    (its path), or nowhere (False).  The limits are bytes a second, 0 for none.

    Raises MetainfoError, SettingsError, StateError, ListenError (with ``Settings.port_strict``), SessionClosed,
    ThreadError.
    """

    def __init__(
        self,
        source: Source,
        basedir: Union[str, os.PathLike[str]] = ".",
        *,
        port: int = 0,
        state: str = "active",
        on_hash_pass: Optional[Callback] = None,
        on_hash_fail: Optional[Callback] = None,
        piece_cache: Optional[Mapping[str, Any]] = None,
        session: Optional[Session] = None,
        settings: Optional[Settings] = None,
        peers: Iterable[Tuple[str, int]] = (),
        trackers: Trackers = (),
        priorities: Optional[Sequence[int]] = None,
        sequential: bool = False,
        allocate: str = SPARSE,
        resume: Union[bool, str, os.PathLike[str]] = True,
        download_limit: int = 0,
        upload_limit: int = 0,
    ) -> None:
        if session is not None and not isinstance(session, Session):
            raise StateError("Client", f"session must be a Session, not {type(session).__name__}")
        if settings is not None and not isinstance(settings, Settings):
            raise StateError("Client", f"settings must be Settings, not {type(settings).__name__}")
        if session is not None and (settings is not None or port):
            raise StateError("Client", "settings and port are those of the session it is given")
        state = "active" if state == "started" else state
        if state not in STATES:
            raise StateError("Client", f"state {state!r} is none of {', '.join(STATES)}")
        if allocate not in ALLOCATIONS:
            raise StateError("Client", f"allocate {allocate!r} is none of {', '.join(ALLOCATIONS)}")
        tiers = given_tiers(trackers)
        self.metainfo = metainfo_of(source, (session.settings if session else settings) or Settings())
        self._closed = False
        self._owns_session = session is None
        if session is None:
            session = Session((settings or Settings()).replace(port=port or (settings.port if settings else 0)))
        self._session = session
        self._event_dispatcher = EventDispatcher(
            self.metainfo.infohash, session.settings.event_queue_size, session._loop.post
        )
        try:
            self._event_dispatcher.set_callbacks(on_hash_pass, on_hash_fail)
            self._torrent: Torrent = session._add(
                self,
                self._event_dispatcher,
                lambda engine: engine.add(
                    self.metainfo,
                    os.path.abspath(os.fspath(basedir)),
                    event_dispatcher=self._event_dispatcher,
                    piece_cache=piece_cache or None,  # what a client that never looked gave is empty
                    resume=resume is not False,
                    resume_dir=None if isinstance(resume, bool) else os.path.abspath(os.fspath(resume)),
                    sequential=sequential,
                    allocation=allocate,
                    trackers=tiers,
                    download_limit=download_limit,
                    upload_limit=upload_limit,
                ),
            )
            if priorities is not None:
                self.set_priorities(dict(enumerate(priorities)))
            for peer in peers:
                self.add_peer(peer)
            if state != "stopped":
                self._set_state(state)
        except BaseException:
            self.close()
            raise

    # -- verbs -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Announce, listen, connect, request and serve; data that is there is hashed first if nothing vouches for it.

        Raises SessionClosed, and ListenError with ``Settings.port_strict``.
        """
        self._set_state("active")

    def pause(self) -> None:
        """Make no request and fill none; connections are made and accepted and stay.  Raises as ``start``."""
        self._set_state("paused")

    def stop(self, timeout: float = 5.0) -> None:
        """Announce ``stopped``, close every connection and file, dial nobody, refuse who dials.

        Returns when that is done, after ``timeout`` seconds at most.  Raises SessionClosed.
        """
        reply = self._session._loop.reply()

        def stop(engine: Engine) -> None:
            self._torrent.set_state("stopped")
            self._torrent.wait_group.when_over(lambda: reply.set(None))

        self._call(stop)
        with contextlib.suppress(WaitTimeout):
            reply.wait(timeout)

    def hashcheck(self, *pieces: Union[int, Iterable[int]], wait: bool = True, cancel: Optional[Cancel] = None) -> Any:
        """Hash pieces, in any state, without any socket: integers, iterables of integers, or nothing for all.

        Every result updates the bitfield and calls the callbacks.  Returns a :class:`HashcheckResult` of the passed
        and failed indexes, or with ``wait=False`` a :class:`Hashcheck` at once.  Raises IndexError, TypeError,
        SessionClosed; Cancelled, and cancels the check, soon after ``cancel``, a ``threading.Event``, was set.
        """
        indexes = piece_indexes(pieces, self.metainfo.piece_count)
        reply = self._session._loop.reply()

        def done(check: Check) -> None:
            self._torrent.hashchecked(check)
            reply.set(result_of(check))

        check = Check(indexes, done)
        self._call(lambda engine: self._torrent.hashcheck(check))
        handle = Hashcheck(reply, lambda: self._call(lambda engine: self._torrent.checks.cancel(check)))
        if not wait:
            return handle
        try:
            return handle.wait(cancel=cancel)
        except (KeyboardInterrupt, Cancelled):
            with contextlib.suppress(BitTorrentError):
                handle.cancel()
            raise

    def move(self, basedir: Union[str, os.PathLike[str]], timeout: Optional[float] = None) -> None:
        """Move all files below another folder, in any state, to another file system too, and go on there.

        Nothing is received or sent meanwhile; the peers stay.  At every moment each file is whole at the old place or
        at the new one, and after a failure the client goes on at the old one; ``basedir`` says which it is.  Raises
        StorageError, also for another file that is in the way or when only the old names could not be removed;
        WaitTimeout after ``timeout`` seconds (the move is undone then, unless it is done just now), SessionClosed.
        """
        target = os.path.abspath(os.fspath(basedir))
        relocate(self, lambda done: self._torrent.move_storage.move(target, done), timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Stop and let go of everything, within ``timeout`` seconds; idempotent, from any thread.

        After an interrupt or when the time was too short, closing goes on by itself, and a second call waits for it.
        When the files could not be synced and remembered in time, the ``reason`` of ``Closed`` says so.
        """
        self._closed = True
        deadline = time.monotonic() + timeout
        if self._event_dispatcher.calling or not hasattr(self, "_torrent"):
            self._event_dispatcher.end(
                ""
            )  # by a callback, which is not waited for, or before there was anything to tell
        if self._owns_session:
            self._session.close(timeout)
        else:
            self._session._remove(self, timeout)
        self._detach(max(0.1, deadline - time.monotonic()))

    def wait(
        self,
        until: Until = "complete",
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = None,
        *,
        cancel: Optional[Cancel] = None,
    ) -> Status:
        """Block until the torrent is ``"complete"`` (all that is wanted), a ``"seed"`` or ``"checked"``.

        ``until`` may also be a function of the status; it is called at each change, and several times a second, as it
        may look at something else.  Returns the status.  Raises WaitTimeout after ``timeout`` seconds, Stalled (a
        WaitTimeout too) when nothing moved for ``stall_timeout`` seconds, with the reason, and SessionClosed when the
        client ends first.  Raises Cancelled within a tenth of a second after ``cancel``, a ``threading.Event``, was
        set; the client goes on.
        """
        condition = until if callable(until) else CONDITIONS.get(until)
        if condition is None:
            raise StateError("wait", f"until {until!r} is none of {', '.join(CONDITIONS)}")
        return self._wait(condition, until, timeout, stall_timeout, cancel, LOOK if callable(until) else None)

    def _wait(
        self,
        condition: Callable[[Status], bool],
        until: Until,
        timeout: Optional[float],
        stall_timeout: Optional[float],
        cancel: Optional[Cancel],
        look: Optional[float] = None,
    ) -> Status:
        """Ask ``condition`` whenever the status has changed, and every ``look`` seconds if that is given."""
        started = moved_at = time.monotonic()
        moved: Any = None
        changed = self._event_dispatcher.changed
        while True:
            latch = changed.add()
            try:
                status = self.status()
                if condition(status):
                    return status
                if status.closed or self._session.closed:
                    raise SessionClosed(f"the client was closed before {self.metainfo.name!r} was {wanted(until)}")
                self._session._loop.reply()
                now = time.monotonic()
                marks = (status.downloaded - status.wasted, status.pieces_have, status.checking)
                if marks != moved:
                    moved, moved_at = marks, now
                left = [] if look is None else [look]
                if timeout is not None:
                    left.append(started + timeout - now)
                if stall_timeout is not None:
                    left.append(moved_at + stall_timeout - now)
                if min(left, default=1.0) <= 0:
                    late = timeout is not None and now - started >= timeout
                    raise gave_up(status, until, timeout if late else None, stall_timeout)
                latch.wait(min(left, default=None), cancel)
            finally:
                changed.remove(latch)

    def add_peer(self, peer: Tuple[str, int]) -> None:
        """Dial this ``(host, port)``; a name is looked up first.  Raises SessionClosed, ValueError for a bad port."""
        host, port = peer
        if not 0 < int(port) < 65536:
            raise ValueError(f"port {port} of peer {host} is not 1 to 65535")
        self._call(lambda engine: self._torrent.add_peer(str(host), int(port)))

    def reannounce(self) -> None:
        """Announce to the trackers now, or as soon as the least interval of each allows; those that failed too.

        Nothing happens while the client is stopped.  Raises SessionClosed.
        """
        self._call(lambda engine: self._torrent.announces.reannounce())

    def add_trackers(self, trackers: Trackers) -> None:
        """Announce to more trackers, for as long as the client lives: a URL, URLs (each a tier), or tiers (BEP 12).

        They stand behind those that are there.  Raises SettingsError for a URL that cannot be used, SessionClosed.
        """
        tiers = given_tiers(trackers)
        self._call(lambda engine: self._torrent.announces.add(tiers))

    def set_priorities(self, priorities: Mapping[int, int]) -> None:
        """Set the priorities of files by index: 0 (never) to 7 (first).  Raises ValueError, TypeError, IndexError."""
        count = len(self.metainfo.files)
        for index in priorities:
            if not 0 <= index < count:
                raise IndexError(f"there is no file {index}: the torrent has {count}")

        def change(engine: Engine) -> None:
            merged = list(self._torrent.files.priorities)
            for index, priority in priorities.items():
                merged[index] = priority
            self._torrent.set_priorities(merged)

        self._call(change)

    # -- events ----------------------------------------------------------------------------------------------------

    @property
    def events(self) -> EventQueue:
        """A bounded queue of :mod:`bittorrent_threads.events`, with the getting half of ``queue.Queue``.

        The last event is ``Closed``.
        """
        return self._event_dispatcher.queue

    def __iter__(self) -> Iterator[happened.Event]:
        """Take events as they come; ends after ``Closed``."""
        while True:
            try:
                event = self._event_dispatcher.queue.get()
            except queue.Empty:  # somebody else took the last one
                return
            yield event
            if isinstance(event, happened.Closed):
                return

    @property
    def on_hash_pass(self) -> Optional[Callback]:
        """Called with the index of each piece that was hashed and is right; may be set at any time."""
        return self._event_dispatcher.on_hash_pass

    @on_hash_pass.setter
    def on_hash_pass(self, callback: Optional[Callback]) -> None:
        self._event_dispatcher.set_callbacks(callback, self._event_dispatcher.on_hash_fail)

    @property
    def on_hash_fail(self) -> Optional[Callback]:
        """Called with the index of each piece that was hashed and is wrong; may be set at any time."""
        return self._event_dispatcher.on_hash_fail

    @on_hash_fail.setter
    def on_hash_fail(self, callback: Optional[Callback]) -> None:
        self._event_dispatcher.set_callbacks(self._event_dispatcher.on_hash_pass, callback)

    # -- properties ------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """The newest snapshot; never waits for the engine, and works after ``close`` too."""
        return self._torrent.status

    @property
    def session(self) -> Session:
        """The session behind this client."""
        return self._session

    @property
    def basedir(self) -> str:
        """The folder of the data, absolute."""
        return self._torrent.basedir

    @property
    def peerid(self) -> bytes:
        """Our own, 20 bytes."""
        return self._session._engine.peerid

    @property
    def download_limit(self) -> int:
        """Bytes a second from all peers, 0 for no limit; may be set at any time.  Raises SettingsError."""
        rate: int = self._torrent.read_throttle.rate
        return rate

    @download_limit.setter
    def download_limit(self, rate: int) -> None:
        self._torrent.read_throttle.rate = rate

    @property
    def upload_limit(self) -> int:
        """Bytes a second to all peers, likewise."""
        rate: int = self._torrent.write_throttle.rate
        return rate

    @upload_limit.setter
    def upload_limit(self, rate: int) -> None:
        self._torrent.write_throttle.rate = rate

    @property
    def files(self) -> Tuple[File, ...]:
        """The files, pad files included, in the order of the torrent."""
        return tuple([File(self, index) for index in range(len(self.metainfo.files))])

    @property
    def piece_cache(self) -> Dict[str, Any]:
        """What a later ``Client(..., piece_cache=...)`` needs to hash nothing again: plain data, for pickle or json.

        Syncs the files first.  Works after ``close``; empty when it was never known what is there.
        """
        if self._closed:
            resume = self._torrent.kept
        else:
            reply = self._session._loop.reply()
            clean = self.state == "stopped"
            self._call(lambda engine: self._torrent.resume_store.keep(clean=clean, done=reply.set))
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
        self._call(lambda engine: self._torrent.set_state(state))

    def _call(self, function: Callable[[Engine], Any]) -> Any:
        if self._closed:
            raise SessionClosed("the client is closed")
        return self._session._call(function)

    def _detach(self, timeout: float) -> None:
        """The session is gone, or forgets the torrent: wait for the last event and the last callback."""
        self._closed = True
        if not self._event_dispatcher.join(timeout):
            self._event_dispatcher.end("")


__all__ = ["Client", "HashcheckResult"]
