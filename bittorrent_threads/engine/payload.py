"""The content of one torrent: made when its metadata is known, with every part that works on pieces and files.

This is the one place that wires these parts: each gets the parts that it uses, and tells this class through a narrow
protocol what others have to do about it.  What connects to peers and trackers belongs to ``Torrent``, which lives
before the metadata is known; nothing here ever works without it.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, List, Mapping, Optional, Protocol, Sequence

from .. import events
from ..disk.allocation import SPARSE
from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from ..protocol.handshake import Handshake
from ..settings import Settings
from ..status import Status
from ..swarm.buffer_pool import BufferPool
from ..swarm.downloads import Downloads
from ..swarm.file_progress import FileProgress
from ..swarm.picker import Picker
from .checks import Check, Checks
from .connection import Host
from .early_peer import EarlyPeer
from .event_publisher import Publisher
from .exchange import Exchange
from .file_check import FileCheck
from .file_ownership import FileOwnership
from .file_paths import FilePaths
from .file_preparation import FilePreparation
from .hash_checking import HashChecking
from .interfaces.disk import Disk
from .interfaces.network import Network, Stream
from .interfaces.storage import Storage
from .move_storage import MoveStorage
from .pass_end import PassEnd
from .payload_parts import PieceStates, StoredFiles
from .peer import Peer
from .phase import SUSPENDING, Hindrance, Lifecycle
from .piece_writer import PieceWriter
from .rate_limits import RateLimits
from .readers import Readers
from .resume import ResumeStore
from .seed_mode import SeedMode
from .storage_retry import StorageRetry
from .stowing import Stowing
from .torrent_params import TorrentParams
from .unreadable_pieces import UnreadablePieces
from .upload_turns import UploadTurns
from .uploader import Uploader
from .verified_pieces import VerifiedPieces
from .wait_group import WaitGroup


class Session(Protocol):
    """What all torrents of a session share."""

    network: Network
    disk: Disk
    memory: BufferPool
    settings: Settings
    random: Any


class Owner(Host, Protocol):
    """The torrent that the content is of."""

    lifecycle: Lifecycle
    limits: RateLimits
    wait_group: WaitGroup
    """What closing the torrent waits for."""
    stowing: WaitGroup
    """The part of it that is the disk's."""
    status: Status
    """The snapshot that users read."""

    @property
    def publisher(self) -> Publisher:
        """Makes the events of the torrent."""

    def advance(self) -> None:
        """Go to the next phase, if it is known what that takes."""

    def refresh(self) -> None:
        """Make the snapshot that users read."""

    def on_wanting_changed(self) -> None:
        """All that is wanted is there, or not any more."""

    def on_content_complete(self) -> None:
        """Every piece of the torrent was downloaded."""

    def on_peers_cut_off(self) -> None:
        """Connections were closed that are to be made again."""


class Payload:
    """The content of one torrent.

    Args:
        metainfo: What it is.
        owner: The torrent.
        session: Disk, network and memory.
        params: How it is stored.

    Raises:
        StateError: The piece cache cannot be used.
    """

    def __init__(self, metainfo: Metainfo, owner: Owner, session: Session, params: TorrentParams) -> None:
        network, settings, random, layout = session.network, session.settings, session.random, metainfo.layout
        self.metainfo = metainfo
        self.lifecycle = lifecycle = owner.lifecycle
        self.limits = limits = owner.limits
        self._owner = owner
        self._network = network
        self._settings = settings
        self._publisher = publisher = owner.publisher
        self._allocation = params.allocation
        self.storage: Storage = session.disk.open(
            metainfo,
            params.basedir,
            resume_dir=params.resume_dir,
            allocation=params.allocation,
            site=params.origin,
        )
        self.paths = paths = FilePaths(metainfo.files, params.basedir)
        self.have = have = Bitfield(metainfo.piece_count)
        self.picker = picker = Picker(have, random=random, sequential=params.sequential)
        self.files = files = FileProgress(layout)
        self.pass_end = PassEnd(network.defer)
        self._hash_checking = HashChecking(metainfo.piece_count, self, lifecycle, publisher)
        self.checks = checks = Checks(self.storage, metainfo.piece_length, network.now, self._hash_checking)
        self.storage_retry = storage_retry = StorageRetry(self, network, settings, publisher)
        self.unreadable = unreadable = UnreadablePieces(metainfo.piece_count, checks, storage_retry, self.retry)
        self.ownership = ownership = FileOwnership(metainfo.files, files.begun, overwrite=settings.overwrite)
        self.pieces = pieces = VerifiedPieces(
            layout,
            picker,
            have,
            files,
            paths=paths,
            checks=checks,
            unreadable=unreadable,
            publisher=publisher,
            listener=self,
        )
        on_disk = StoredFiles(self.storage, files, paths, ownership, storage_retry)
        states = PieceStates(have, pieces, unreadable, checks)
        self.writer = writer = PieceWriter(
            on_disk,
            states,
            schedule=self.pass_end.schedule,
            publisher=publisher,
            listener=self,
            workers=settings.disk_threads,
        )
        self.downloads = downloads = Downloads(layout, picker, memory=session.memory, writer=writer, settings=settings)
        writer.downloads = downloads
        limits.window = downloads.window
        self.exchange = Exchange(have, picker, downloads, limits, schedule=self.pass_end.schedule, now=network.now)
        self.seed_mode = SeedMode(
            layout,
            have,
            picker,
            self.exchange,
            pieces,
            random=random,
            now=network.now,
            listener=self,
            asked=params.super_seeding,
        )
        self.pass_end.steps = [writer.save, self.exchange.settle]
        self._turns = UploadTurns(limits, self.exchange, picker.availability)
        self.resume_store = resume_store = ResumeStore(
            metainfo,
            self,
            on_disk,
            states,
            network=network,
            lifecycle=lifecycle,
            downloads=downloads,
            writer=writer,
            publisher=publisher,
            settings=settings,
            piece_cache=params.piece_cache,
            stored=params.resume,
        )
        self._stowing = Stowing(self.storage, resume_store, lifecycle, waiting=owner.wait_group, stowing=owner.stowing)
        self.file_check = FileCheck(metainfo, self, on_disk, states, resume_store=resume_store, random=random)
        self._hash_checking.connect(on_disk, states, self.file_check)
        self.preparation = FilePreparation(
            self,
            on_disk,
            states,
            lifecycle=lifecycle,
            picker=picker,
            file_check=self.file_check,
            resume_store=resume_store,
        )
        self.move_storage = MoveStorage(self, on_disk, resume_store=resume_store, names=settings.names)
        self.readers = Readers(
            layout,
            self,
            on_disk,
            pieces=pieces,
            downloads=downloads,
            lifecycle=lifecycle,
            network=network,
            most=settings.piece_memory // 2,
        )

    # -- peers -------------------------------------------------------------------------------------------------------

    def make_peer(self, stream: Stream, handshake: Handshake, before: Optional[EarlyPeer] = None) -> Peer:
        """Make the connection of a stream, or the one that takes over the stream of ``before``."""
        return Peer(self._owner, self, stream, handshake, before)

    def uploader(self, peer: Peer) -> Uploader:
        """Make the upload side of a peer."""
        return Uploader(
            peer,
            functools.partial(self.exchange.touch, peer),
            pieces=self.pieces,
            storage=self.storage,
            layout=self.metainfo.layout,
            lifecycle=self.lifecycle,
            limits=self.limits,
            turns=self._turns,
            network=self._network,
            settings=self._settings,
        )

    def touch_all(self) -> None:
        """Blocks may be requested that could not before."""
        self.exchange.touch_all()

    # -- verbs -------------------------------------------------------------------------------------------------------

    def examine(self) -> bool:
        """Find out which pieces are there; True when that is known."""
        return not self.file_check.begin() and not self.checking

    def advance(self) -> None:
        """Go to the next phase, if it is known what that takes."""
        self._owner.advance()

    def refresh(self) -> None:
        """Make the snapshot that users read."""
        self._owner.refresh()

    def retry(self) -> None:
        """More is known of the disk: go on with what waits for that."""
        if self.lifecycle.live:
            self.preparation.begin()
        else:
            self._owner.advance()
        self.reconsider()

    def stop(self) -> None:
        """The torrent was stopped, and its connections are closed: store what is there, and close every file."""
        self.storage_retry.cancel()
        self.file_check.stopped()
        self.settle()

    def cancel(self) -> None:
        """The torrent is about to be closed: end what runs."""
        self.checks.cancel_all()
        self.move_storage.cancel()
        self._stowing.expect()

    def finish(self) -> None:
        """The torrent was closed: store what changed since the stop."""
        self._stowing.finish()

    def settle(self) -> None:
        """Store what is there, and close every file."""
        self._stowing.settle()

    def set_priorities(self, priorities: Sequence[int]) -> None:
        """Set the priorities of all files: one number a file, 0 (never) to 7 (first)."""
        self.files.set_priorities(priorities)
        self.wanting_changed()

    def wanting_changed(self) -> None:
        """Other files are wanted, or are wanted sooner."""
        self.downloads.set_priorities(self.files.piece_priorities())
        self.preparation.begin()
        self.pieces.changed()

    def change_priorities(self, priorities: Mapping[int, int]) -> None:
        """Set the priorities of some files, by index."""
        merged = list(self.files.priorities)
        for index, priority in priorities.items():
            merged[index] = priority
        self.set_priorities(merged)

    # -- hash checks -------------------------------------------------------------------------------------------------

    @property
    def checking(self) -> int:
        """Pieces that wait for a hash check; at least 1 while it is not known how many."""
        return self.checks.pieces + self.file_check.under_way

    def hashcheck(self, indexes: Sequence[int], done: Callable[[Check], None]) -> Check:
        """Hash pieces for the user; ``done`` is called once with the check."""
        return self._hash_checking.begin(indexes, done)

    # -- why nothing is requested ------------------------------------------------------------------------------------

    @property
    def missing(self) -> bool:
        """Whether a wanted piece is missing."""
        return self.picker.missing

    @property
    def undecided(self) -> bool:
        """Whether there are pieces that may be on the disk and could not be read."""
        return bool(self.unreadable)

    @property
    def hindrances(self) -> List[Hindrance]:
        """What keeps the torrent from requesting, or will; the first is the one to tell the user."""
        holding = (
            (self.storage_retry.on, Hindrance.DISK_PAUSE),
            (self.storage_retry.error is not None, Hindrance.DISK_FAILED),
            (self.file_check.under_way, Hindrance.EXAMINING_FILES),
            (self.checks.pieces > 0, Hindrance.HASHING),
            (self.move_storage.under_way, Hindrance.MOVING_FILES),
            (self.undecided, Hindrance.UNREADABLE),
            (self.preparation.under_way, Hindrance.PREPARING_FILES),
        )
        return [hindrance for holds, hindrance in holding if holds]

    def reconsider(self) -> None:
        """The phase or the disk has changed: request again, or no more."""
        self._request()
        self._owner.refresh()

    def suspend(self) -> None:
        """A file is about to be renamed, which takes a moment: request nothing until ``resume``."""
        self.downloads.suspended = True

    def resume(self) -> None:
        """A file was renamed; a status is made only if one of meanwhile tells of it, as that takes as long."""
        self._request()
        if self._owner.status.hindrance:
            self._owner.refresh()

    def _request(self) -> None:
        hindrances = self.hindrances
        self.downloads.suspended = not self.lifecycle.active or not SUSPENDING.isdisjoint(hindrances)
        self.downloads.cautious = Hindrance.DISK_FAILED in hindrances
        self.exchange.touch_all()
        self.readers.look()

    # -- what the parts tell -----------------------------------------------------------------------------------------

    def files_made(self, wanted: Sequence[bool]) -> None:
        """The files that were wanted are there, and can be used."""
        self.resume_store.restore()
        self.unreadable.look()
        if not self.picker.missing:
            self.storage_retry.end()  # no write will tell
        elif self._allocation != SPARSE:
            self.resume_store.changed()  # or a kill would leave files of zeros that no resume data knows
        files = enumerate(self.metainfo.files)
        self.pieces.made([index for index, file in files if wanted[index] and not file.pad])

    def on_seed_mode(self, *, cut_off: bool) -> None:
        """Super-seeding has begun or ended; ``cut_off`` if connections were closed for it."""
        self._owner.on_wanting_changed()
        if cut_off:
            self._owner.on_peers_cut_off()
        self._owner.refresh()

    def on_pieces_found(self, indexes: Sequence[int]) -> None:
        """These pieces are there now, without having been downloaded."""
        self.downloads.drop(indexes)
        self.exchange.tell_have(indexes)

    def on_pieces_restored(self, indexes: Sequence[int]) -> None:
        """Peers may ask again for these pieces, of which they were told before."""
        self.exchange.tell_have(indexes)
        self.seed_mode.restored(indexes)

    def on_pieces_lost(self, indexes: Sequence[int]) -> None:
        """These pieces are not there, as far as is known."""
        self.resume_store.durable.lost(indexes)

    def on_pieces_written(self, indexes: Sequence[int]) -> None:
        """These pieces were downloaded and written, and are there now."""
        self.exchange.tell_have(indexes)
        if indexes and self.have.full:
            self._owner.on_content_complete()

    def on_pieces_retracted(self, indexes: Sequence[int]) -> None:
        """Peers were told of these pieces, and they are lost."""
        if self.exchange.retract(indexes):
            self._owner.on_peers_cut_off()

    def on_pieces_changed(self, *, newly_complete: bool, no_longer_complete: bool) -> None:
        """Pieces came, were lost, or changed their priority."""
        self.resume_store.changed()
        self.seed_mode.look()
        complete = self.pieces.complete
        if newly_complete or not complete or self.have.full:
            self.exchange.update_interest(complete=complete)
        if newly_complete:
            self.resume_store.completed()
        if newly_complete or no_longer_complete:
            self._owner.on_wanting_changed()
        self._owner.refresh()
        self.readers.look()
        if no_longer_complete:
            self.preparation.begin()
        if newly_complete:
            self.preparation.finished()
            self._publisher.publish(events.Completed)
