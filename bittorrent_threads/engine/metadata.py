"""The metadata of one torrent: its info dictionary, stored by an earlier run, sent by peers (BEP 9), or given.

A torrent that was added by a magnet link begins without it.  What an earlier run stored is looked for first; then peers
are asked, on every connection.  What came is stored, and sent to peers that ask.
"""

from __future__ import annotations

import copy
from typing import Callable, List, Optional, Protocol, Sequence, Tuple, Union

from .. import events
from ..disk.pool import Outcome
from ..disk.results import Done
from ..errors import BitTorrentError, MetainfoError, StateError
from ..metainfo.magnet import LINK, Magnet
from ..metainfo.metainfo import Metainfo
from ..settings import Settings
from ..swarm.file_progress import NORMAL_PRIORITY
from ..swarm.metadata_download import MetadataDownload, Source
from .event_publisher import Publisher
from .interfaces.disk import Disk, MetadataStore
from .interfaces.network import Network
from .phase import Lifecycle
from .torrent_params import TorrentParams
from .wait_group import WaitGroup

PARSED_AT_ONCE = 64 * 1024
"""Bytes of metadata that are parsed on the network thread: at most 6 ms.  More is parsed by a disk thread."""
HASHED_AT_ONCE = 512 * 1024
"""Bytes of metadata that are hashed on the network thread: about a millisecond.  More is hashed by a disk thread."""


class Owner(Protocol):
    """The torrent that the metadata is of."""

    lifecycle: Lifecycle
    wait_group: WaitGroup
    """What closing the torrent waits for."""
    stowing: WaitGroup
    """The part of it that is the disk's."""

    @property
    def publisher(self) -> Publisher:
        """Makes the events of the torrent."""

    def receive_metainfo(self, metainfo: Metainfo, priorities: Sequence[int]) -> None:
        """Make the content; raises StateError for a piece cache that cannot be used."""

    def set_state(self, state: str) -> None:
        """Start, pause or stop."""

    def refresh(self) -> None:
        """Make the snapshot that users read."""


class Session(Protocol):
    """The session of the torrent."""

    disk: Disk
    network: Network
    settings: Settings


class NoMetadata:
    """The progress of a torrent before its metadata is known: everything is wanted, and nothing is there."""

    wanting = True
    left = 1
    """Trackers must not take us for a seed (BEP 3 ``left``)."""
    partial_seed = False


class Metadata:
    """The metadata of one torrent, known or not.

    Args:
        owner: The torrent.
        source: The metadata, or the magnet link that the torrent was added by.
        params: How it was added.
        session: Its session.
    """

    def __init__(
        self,
        owner: Owner,
        source: Union[Metainfo, Magnet],
        params: TorrentParams,
        session: Session,
    ) -> None:
        settings = session.settings
        self.metainfo = source if isinstance(source, Metainfo) else None
        """None before the metadata is known."""
        self.unusable: Optional[BitTorrentError] = None
        """Why the metadata that came cannot be used, if that is so."""
        self._max_size = min(settings.max_metadata_size, settings.max_metainfo_size)
        self._download = MetadataDownload(self._check, max_size=self._max_size)
        # Not in the middle of what a peer sent: another connection object takes over its stream.
        self._download.on_info = lambda info: self._network.defer(lambda: self._take(info))
        self._owner = owner
        self._infohashes = source.infohashes
        self._magnet = source if isinstance(source, Magnet) else None
        self._store: Optional[MetadataStore] = None
        if self._magnet is not None and params.resume:
            self._store = session.disk.metadata(source.infohash, params.basedir, resume_dir=params.resume_dir)
        self._priorities = params.priorities
        self._settings = settings
        self._network = session.network
        self._disk = session.disk
        self._recalled = False
        """What was stored was looked for."""
        self._stored = False
        """It was found there."""

    @property
    def size(self) -> int:
        """Bytes of the metadata; 0 before it is known."""
        return 0 if self.metainfo is None else self.metainfo.info_size

    @property
    def received(self) -> int:
        """Bytes of the metadata that came from peers."""
        return self._download.received

    def report(self) -> str:
        """What the metadata waits for, as a clause for the user."""
        return self._download.report(self._network.now())

    def require_usable(self) -> None:
        """Raise the reason if the metadata that came cannot be used; for any thread."""
        if self.unusable is not None:
            raise copy.copy(self.unusable)  # as each raise adds to the traceback

    # -- an earlier run ----------------------------------------------------------------------------------------------

    def recall(self, then: Callable[[], None]) -> None:
        """Take what an earlier run stored, or call ``then`` if there is nothing."""
        if self._recalled or self._store is None:
            then()
            return

        def recalled(info: Optional[bytes]) -> None:
            self._recalled = True
            if info is None:
                then()
            else:
                self._stored = self.metainfo is None
                self._take(info)

        self._store.recall(self._infohashes, self._max_size, recalled)

    # -- peers -------------------------------------------------------------------------------------------------------

    def offered(self, source: Source, size: int, now: float) -> None:
        """A peer says that it has the metadata, of so many bytes."""
        if self.metainfo is None:
            self._download.offered(source, size, now)

    def on_data(self, source: Source, piece: int, total_size: int, data: bytes, now: float) -> str:
        """A peer sent a piece of it; returns the reason to close the connection, empty if there is none."""
        return self._download.on_data(source, piece, total_size, data, now)

    def on_reject(self, source: Source, piece: int, now: float) -> str:
        """A peer does not send a piece; returns the reason to close the connection, empty if there is none."""
        return self._download.on_reject(source, piece, now)

    def tick(self, source: Source, now: float) -> None:
        """Once a second for each peer."""
        self._download.tick(source, now)

    def left(self, source: Source, now: float) -> None:
        """A peer is gone."""
        self._download.left(source, now)

    def _check(self, info: bytes, deliver: Callable[[bool], None]) -> None:
        """Tell whether the bytes have the infohash."""
        matches = self._infohashes.matches
        if len(info) <= HASHED_AT_ONCE:
            deliver(matches(info))
        else:
            self._disk.compute(lambda: matches(info), lambda outcome: deliver(outcome.value(_unhashed)))

    def _take(self, info: bytes) -> None:
        if len(info) > PARSED_AT_ONCE:
            self._disk.compute(lambda: self.parse(info), self._parsed)
            return
        try:
            outcome = Outcome(self.parse(info))
        except MetainfoError as error:
            outcome = Outcome(error=error)
        self._parsed(outcome)

    def _parsed(self, outcome: Outcome[Tuple[Metainfo, List[int]]]) -> None:
        if self.metainfo is not None or self._owner.lifecycle.closed:
            return
        try:
            self._owner.receive_metainfo(*outcome.value(_raised))
        except (MetainfoError, StateError) as error:  # StateError: the piece cache is that of another torrent
            self.unusable = error
            self._owner.publisher.publish(events.MetadataFailed, reason=str(error))
            self._owner.set_state("stopped")
            self._owner.refresh()

    # -- the torrent -------------------------------------------------------------------------------------------------

    @property
    def trackers(self) -> Sequence[Sequence[str]]:
        """Trackers that the torrent or its magnet link names, in tiers."""
        if self.metainfo is not None:
            return self.metainfo.trackers
        return [] if self._magnet is None else [[url] for url in self._magnet.trackers]

    @property
    def peers(self) -> Sequence[Tuple[str, int]]:
        """Hosts and ports of peers that the magnet link names."""
        return () if self._magnet is None else self._magnet.peers

    def parse(self, info: bytes) -> Tuple[Metainfo, List[int]]:
        """The torrent of an info dictionary, and the priorities of its files; none if they are the usual ones.

        Raises:
            MetainfoError: It is not that of the infohash, or not usable, or has no file that the link selects.
            BencodeError: It is not bencoded.
        """
        if not self._infohashes.matches(info):
            raise MetainfoError("is not that of the infohash", "info")
        metainfo = Metainfo.from_info(
            info,
            trackers=self.trackers,
            web_seeds=() if self._magnet is None else self._magnet.web_seeds,
            max_size=self._settings.max_metainfo_size,
        )
        count = len(metainfo.files)
        if self._priorities is not None:
            given = list(self._priorities[:count])
            return metainfo, given + [NORMAL_PRIORITY] * (count - len(given))
        return metainfo, self._selected(count)

    def _selected(self, count: int) -> List[int]:
        """The priorities of ``count`` files that the magnet link gives; none if it selects no files (BEP 53)."""
        selected = () if self._magnet is None else self._magnet.select_only
        priorities = [0] * count if selected else []
        for indexes in selected:
            for index in range(indexes.start, min(indexes.stop, count)):
                priorities[index] = NORMAL_PRIORITY
        if selected and not any(priorities):
            raise MetainfoError(f"selects no file that the torrent has: it has {count}", "so", LINK)
        return priorities

    def known(self, metainfo: Metainfo) -> None:
        """It is known from now on: store it, and tell the user."""
        self.metainfo = metainfo
        self._owner.publisher.publish(events.MetadataReceived, size=metainfo.info_size, stored=self._stored)
        if self._store is not None and not self._stored:
            for group in self._groups:
                group.expect()
            self._store.remember(metainfo.info_bytes(), self._remembered)

    @property
    def _groups(self) -> Tuple[WaitGroup, WaitGroup]:
        return self._owner.stowing, self._owner.wait_group

    def _remembered(self, done: Done) -> None:
        if done.error is not None:
            path, number, reason = done.error.path, done.error.errno, done.error.reason
            self._owner.publisher.publish(events.StorageFailed, path=path, errno=number, reason=reason, retry_in=0.0)
        for group in self._groups:
            group.answered()


def _unhashed(error: BaseException) -> bool:
    return False


def _raised(error: BaseException) -> Tuple[Metainfo, List[int]]:
    raise error
