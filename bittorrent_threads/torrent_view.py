"""``TorrentView``: what a client shows of its torrent: the status, the metainfo, the files, and the rate limits."""

from __future__ import annotations

import itertools
from typing import Callable, Iterator, List, Optional, Tuple, Union

from .errors import StateError
from .file import File
from .metainfo.metainfo import Metainfo
from .runtime import Runtime
from .status import Row, Status
from .status_view import StatusView
from .threads.latch import Cancel
from .torrent_handle import CONDITIONS, Condition, TorrentHandle

LOOK_INTERVAL = 0.25
"""Seconds between two calls of a function given to ``wait``, as it may depend on more than the status."""


class TorrentView(StatusView):
    """Base of a client: properties that read what the network thread has, and never wait for it."""

    _handle: TorrentHandle
    _session: Runtime
    _basedir: str

    def status(self) -> Status:
        """Return the newest snapshot at once; it works after ``close`` too."""
        return self._handle.status

    @property
    def metainfo(self) -> Optional[Metainfo]:
        """The content of the .torrent file; None before the metadata of a magnet link is known."""
        return self._handle.torrent.metadata.metainfo

    @property
    def session(self) -> Runtime:
        """The session: the one that the client was given, or the one that it made."""
        return self._session

    @property
    def basedir(self) -> str:
        """Absolute path of the folder of the files."""
        payload = self._handle.torrent.payload
        return self._basedir if payload is None else payload.paths.basedir

    @property
    def peerid(self) -> bytes:
        """Peer id of the client, 20 bytes."""
        return self._session._engine.peerid

    @property
    def download_limit(self) -> int:
        """Most bytes a second received from all peers, 0 for no limit; may be set at any time.

        Setting it raises SettingsError for a value that is no rate.
        """
        return int(self._handle.torrent.read_throttle.rate)

    @download_limit.setter
    def download_limit(self, rate: int) -> None:
        self._handle.torrent.read_throttle.rate = rate

    @property
    def upload_limit(self) -> int:
        """Most bytes a second sent to all peers, 0 for no limit; may be set at any time."""
        return int(self._handle.torrent.write_throttle.rate)

    @upload_limit.setter
    def upload_limit(self, rate: int) -> None:
        self._handle.torrent.write_throttle.rate = rate

    @property
    def files(self) -> Tuple[File, ...]:
        """The files, padding included, in the order of the torrent; none before the metadata is known."""
        files = () if self.metainfo is None else self.metainfo.files
        return tuple([File(self._handle, index, self) for index in range(len(files))])

    def file_rows(self) -> List[Row]:
        """Return a flat dict for each file but padding; ``pandas.DataFrame`` takes the list as it is.

        Returns:
            ``index``, ``name`` (path below the folder of the client, with ``/``), ``length``, ``downloaded`` (bytes),
            ``progress`` (0 to 1), ``priority`` and ``path`` (absolute); no row before the metadata is known.
        """
        return list(self._file_rows())

    def watch(
        self,
        until: Union[str, Callable[[Status], bool]] = "complete",
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = None,
        *,
        cancel: Optional[Cancel] = None,
        interval: float = 0.5,
    ) -> Status:
        """Wait for a condition as ``wait`` does, and show the progress meanwhile.

        In a notebook it is a card in the output of the cell, which changes in place; elsewhere it is a line on standard
        output every two seconds.  The waiting thread shows it.  Interrupting the cell ends the wait and nothing else:
        the client goes on, and can be watched again.

        Args:
            until: As for ``wait``.
            timeout: Most seconds to wait; None for no limit.
            stall_timeout: Most seconds without progress; None for no limit.
            cancel: Ends the wait when it is set, such as a ``threading.Event``.  The client goes on.
            interval: Least seconds between two changes of the card.

        Returns:
            The status that fulfils the condition.

        Raises:
            WaitTimeout: After ``timeout`` seconds.
            Stalled: After ``stall_timeout`` seconds without progress, with the reason.
            Cancelled: If ``cancel`` was set.
            MetainfoError: If the metadata that came for a magnet link cannot be used.
            SessionClosed: If the client is closed first.
            StateError: If there is no such condition.
            KeyboardInterrupt: If it is interrupted; a notebook shows one line instead of the traceback.
        """
        from .notebook.watch import display_for, watching

        goal, condition = _condition(until)
        with watching(display_for(self._card), self.status, interval) as look:

            def seen(status: Status) -> bool:
                look(status)
                return condition(status)

            return self._handle.wait(seen, goal, timeout, stall_timeout, cancel, min(LOOK_INTERVAL, interval))

    def _card(self, status: Status, note: str = "") -> str:
        from .notebook.cards import MAX_FILES, client_card

        files = () if self.metainfo is None else self.metainfo.files
        count = len(files) - sum([file.pad for file in files])
        return client_card(status, list(itertools.islice(self._file_rows(), MAX_FILES)), count, note)

    def _repr_html_(self) -> str:
        return self._card(self.status())

    def _file_rows(self) -> Iterator[Row]:
        files = () if self.metainfo is None else self.metainfo.files
        return (File(self._handle, index, self).as_row() for index, file in enumerate(files) if not file.pad)


def _condition(until: Union[str, Condition]) -> Tuple[str, Condition]:
    if callable(until):
        return ("what was waited for" if hasattr(until, "__code__") else str(until)), until
    if until not in CONDITIONS:
        raise StateError("wait", f"until {until!r} is none of {', '.join(CONDITIONS)}")
    return until, CONDITIONS[until]
