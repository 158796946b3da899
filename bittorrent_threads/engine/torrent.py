"""One torrent on the network thread: owns the parts and routes between them, and decides nothing itself.

What to ask for is the downloads', whom to serve the choker's, whom to dial the peer list's, whom to tell the
announcer's.  A torrent is *live* when it is started and what was on the disk is known: only then it dials, accepts
and announces.
"""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from .. import events
from ..disk.allocation import SPARSE
from ..disk.resume import Resume
from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from ..protocol.extension import ExtensionHandshake
from ..status import Status
from ..swarm.downloads import Downloads
from ..swarm.file_progress import FileProgress
from ..swarm.peer_list import PeerList, Source
from ..swarm.picker import Picker
from ..swarm.rate import Rate
from ..swarm.source_shares import PRIVATE_SOURCES
from .announces import Announces, Progress
from .checks import Check, Checks
from .choking import Choking
from .file_check import FileCheck
from .file_ownership import FileOwnership
from .file_preparation import FilePreparation
from .interfaces import Address, Checked, EventDispatcher, Resolved, Storage
from .move_storage import MoveStorage
from .peers import Peers
from .piece_tracker import PieceTracker
from .rate_limits import RateLimits
from .resume import ResumeStore
from .snapshot import snapshot
from .storage_retry import StorageRetry
from .unreadable_pieces import UnreadablePieces
from .wait_group import WaitGroup

if TYPE_CHECKING:
    from .engine import Engine
    from .peer import Peer


class Torrent:
    """The parts of one torrent.

    ``event_dispatcher`` gets its events, ``trackers`` are tiers besides those of ``metainfo``.  ``piece_cache`` and
    ``resume`` are those of ``ResumeStore``, the limits bytes a second, 0 for none.
    """

    def __init__(
        self,
        engine: Engine,
        metainfo: Metainfo,
        basedir: str,
        *,
        event_dispatcher: EventDispatcher,
        piece_cache: Optional[Mapping[str, Any]] = None,
        resume: bool = True,
        resume_dir: Optional[str] = None,
        sequential: bool = False,
        allocation: str = SPARSE,
        trackers: Sequence[Sequence[str]] = (),
        download_limit: int = 0,
        upload_limit: int = 0,
    ) -> None:
        self.engine = engine
        self.settings = engine.settings
        self.random = engine.random
        self.now = engine.network.now
        self.defer = engine.network.defer
        self.metainfo = metainfo
        self.basedir = basedir
        self.state = "stopped"
        self.names: Dict[int, Tuple[str, ...]] = {}
        """Files that were renamed, or that were there under another path than the portable one, by index."""
        self.chosen_names: Dict[int, Tuple[str, ...]] = {}
        """The paths of the other files that may have several, as the disk chose them."""
        self.live = False
        self.closed = False
        self.moving = False
        """Data came in the last second."""
        self.storage: Storage = engine.disk.open(metainfo, basedir, resume_dir=resume_dir, allocation=allocation)
        self.have = Bitfield(metainfo.piece_count)
        self.picker = Picker(self.have, random=engine.random, sequential=sequential)
        self.files = FileProgress(metainfo.layout)
        self.piece_tracker = PieceTracker(self)
        self.downloads = Downloads(
            metainfo.layout,
            self.picker,
            memory=engine.memory,
            writer=self.piece_tracker,
            settings=self.settings,
        )
        self.peers = Peers(self)
        self.peerlist = PeerList(limit=engine.settings.max_peer_list, random=engine.random)
        self.limits = RateLimits(self)
        self.choking = Choking(self)
        self.wait_group = WaitGroup()
        self.announces = Announces(
            metainfo.trackers,
            given=trackers,
            trusted=metainfo.trackers_trusted,
            infohash=metainfo.infohash,
            torrent=self,
            session=engine,
            client=engine.tracker_clients,
            peers=self.peers,
            peer_list=self.peerlist,
            wait_group=self.wait_group,
            settings=self.settings,
            random=self.random,
            now=self.now,
        )
        self.checks = Checks(self)
        self.storage_retry = StorageRetry(self)
        self.unreadable = UnreadablePieces(self)
        self.file_check = FileCheck(self)
        self.file_ownership = FileOwnership(self)
        self.file_preparation = FilePreparation(self)
        self.resume_store = ResumeStore(self, piece_cache=piece_cache, stored=resume)
        self.move_storage = MoveStorage(self)
        self.stowing = WaitGroup()
        """What of the farewell is the disk's: a sync, resume data, files to be closed."""
        self.kept: Optional[Resume] = None
        """Resume data as of the last stop."""
        self.read_throttle = engine.network.throttle(download_limit, "download_limit")
        self.write_throttle = engine.network.throttle(upload_limit, "upload_limit")
        self.download_rate = Rate()
        self.upload_rate = Rate()
        self._event_dispatcher = event_dispatcher
        self._allocation = allocation
        self._downloaded_before = 0
        self._uploaded_before = 0
        self.status: Status = snapshot(self)

    # -- verbs -----------------------------------------------------------------------------------------------------

    def set_state(self, state: str) -> None:
        """``active``, ``paused`` or ``stopped``; raises ListenError when no port can be had and one is demanded."""
        previous = self.state
        if state == previous or self.closed:
            return
        if previous == "stopped":
            self.engine.listen()
        self.state = state
        self.publish(events.StateChanged, state=state, previous=previous)
        if state == "stopped":
            self._stop()
        else:
            self.found()
        if state == "paused":
            for peer in self.peers:
                self.downloads.withdraw(peer.pipeline)
        self.reconsider()
        self.choking.hurry()

    def found(self) -> None:
        """Go live if the torrent is started and it is known what is there; find that out if nobody has."""
        if self.state == "stopped" or self.live or self.file_check.begin() or self.checking:
            return
        self.live = True
        self.file_preparation.begin()
        self.peerlist.need(self.now(), needed=bool(self.picker.missing))
        self.peerlist.forgive(self.now())
        self.announces.start()
        self.engine.dialer.wake(self)

    def retry(self) -> None:
        """The disk may be good again: see."""
        if self.live:
            self.file_preparation.begin()
        else:
            self.found()
        self.reconsider()

    def made(self, wanted: Sequence[bool]) -> None:
        """The files that were wanted are there, and can be used."""
        self.resume_store.restore()
        self.unreadable.look()
        if not self.picker.missing:
            self.storage_retry.end()  # no write will tell
        elif self._allocation != SPARSE:
            self.resume_store.changed()  # or a kill would leave files of zeros that nobody vouches for
        files = enumerate(self.metainfo.files)
        self.piece_tracker.made([index for index, file in files if wanted[index] and not file.pad])

    def _stop(self) -> None:
        self.live = False
        self.announces.stop()
        self.peers.close_all("the torrent was stopped")
        self.engine.drop_greetings(self)
        self.storage_retry.cancel()
        self.file_check.stopped()
        self.download_rate, self.upload_rate = Rate(), Rate()
        self.settle()
        self.engine.unlisten()

    def settle(self) -> None:
        """Nothing goes on: store what is there, and close every file."""
        self._stow()
        self.resume_store.keep(clean=True, done=self._kept)

    def _stow(self) -> None:
        self.wait_group.expect()
        self.stowing.expect()

    def _kept(self, resume: Optional[Resume]) -> None:
        self.kept = resume
        if self.live:
            self._stowed()  # it was started again meanwhile, and uses its files
        else:
            self.storage.close(lambda done: self._stowed())

    def _stowed(self) -> None:
        self.stowing.answered()
        self.wait_group.answered()

    def close(self) -> None:
        """The torrent goes away for good."""
        if not self.closed:
            self.set_state("stopped")
            self.checks.cancel_all()
            self.move_storage.cancel()
            self._stow()
            self.closed = True
            self.resume_store.finish(done=self._kept)
            self.refresh()

    def add_peer(self, host: str, port: int) -> None:
        """The user knows a peer, by address or by name."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            self.engine.lookups.resolve(host, port, self.settings.announce_timeout, self._resolved)
        else:
            self._resolved(Resolved(((host, port),), None))

    def _resolved(self, resolved: Resolved) -> None:
        if resolved.error is not None:
            self.publish(events.PeerUnknown, reason=str(resolved.error))
        self.learn(resolved.addresses, Source.USER)

    def learn(self, addresses: Sequence[Address], source: Source, *, teller: str = "") -> None:
        """List addresses of peers to dial: the one gate through which every address enters.

        Args:
            addresses: Numeric hosts with ports.
            source: How they became known; a private torrent ignores all but ``PRIVATE_SOURCES`` (BEP 27).
            teller: Numeric address of the host that named them; empty if there is none.
        """
        if self.metainfo.private and source not in PRIVATE_SOURCES:
            return
        now = self.now()
        for address in addresses:
            self.peerlist.add(address, source, now, teller=teller)
        self.engine.dialer.wake(self)

    def set_priorities(self, priorities: Sequence[int]) -> None:
        """One priority a file, 0 (never) to 7 (first)."""
        self.files.set_priorities(priorities)
        self.downloads.drop(self.picker.set_priorities(self.files.piece_priorities()))
        self.file_preparation.begin()
        self.piece_tracker.changed()

    def reconsider(self) -> None:
        """The state or the disk has changed: ask peers again, or no more."""
        waiting = (
            self.file_preparation.under_way
            or bool(self.unreadable)
            or self.move_storage.under_way
            or self.storage_retry.on
        )
        self.downloads.suspended = self.state != "active" or waiting
        self.downloads.cautious = self.storage_retry.error is not None
        self.peers.touch_all()
        self.refresh()

    # -- hash checks -------------------------------------------------------------------------------------------------

    @property
    def checking(self) -> int:
        """Pieces that wait for a hash check; at least 1 while it is not known how many."""
        return self.checks.pieces + self.file_check.under_way

    def hashcheck(self, check: Check) -> None:
        """The user wants pieces hashed: the files are what they are now, whatever was there before."""
        self.checks.expect(check)
        self.file_check.accept(lambda: self.checks.add(check))
        self.refresh()

    def hashchecked(self, check: Check) -> None:
        """What the user wanted is done."""
        if check.total < self.metainfo.piece_count or check.cancelled:
            return
        self.file_check.settled()
        if check.error is None:
            self.storage_retry.cancel()
            self.retry()

    def check_progressed(self, check: Check, checked: Checked) -> None:
        """Some pieces of a check are done."""
        self.piece_tracker.checked(checked)
        self.publish(events.HashcheckProgressed, done=len(check.passed) + len(check.failed), total=check.total)

    def check_finished(self, check: Check) -> None:
        """A whole check is done."""
        self.piece_tracker.retract()
        if self.state == "stopped" and not self.closed:
            self.storage.close(lambda done: None)
        if check.error is not None:
            self.storage_retry.begin(check.error)
        self.refresh()
        self.publish(
            events.HashcheckFinished, passed=len(check.passed), failed=len(check.failed), cancelled=check.cancelled
        )
        self.found()

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def progress(self) -> Progress:
        """How much of the torrent is there."""
        return self

    @property
    def wanting(self) -> bool:
        """Whether pieces of wanted files are missing."""
        return bool(self.picker.missing)

    @property
    def left(self) -> int:
        """Bytes of wanted files that are missing."""
        return self.piece_tracker.missing_bytes

    @property
    def partial_seed(self) -> bool:
        """Whether all wanted pieces are there, and others are not (BEP 21)."""
        return not self.picker.missing and not self.have.full

    # -- telling -----------------------------------------------------------------------------------------------------

    def extension_handshake(self, peer: Peer) -> ExtensionHandshake:
        """What we say of ourselves (BEP 10)."""
        return ExtensionHandshake(
            client=self.engine.client,
            port=self.engine.settings.announce_port or self.engine.port,
            reqq=self.settings.reqq,
            yourip=peer.address[0],
            upload_only=not self.picker.missing,
        )

    def path(self, file: int) -> str:
        """Absolute path of a file."""
        return os.path.join(self.basedir, *self.parts(file))

    def parts(self, file: int) -> Tuple[str, ...]:
        """Components of the path of a file below the folder."""
        return self.names.get(file) or self.chosen_names.get(file) or self.metainfo.files[file].path

    def publish(self, kind: Callable[..., events.Event], **fields: Any) -> None:
        """Hand out an event of this torrent."""
        self._event_dispatcher.publish(kind(infohash=self.metainfo.infohash, time=self.engine.wall(), **fields))

    def publish_passed(self, indexes: Sequence[int]) -> None:
        """Hand out that these pieces are right."""
        if indexes:
            self._event_dispatcher.publish_passed(self.metainfo.infohash, self.engine.wall(), indexes)

    def refresh(self) -> None:
        """Make the snapshot that users read."""
        self.status = snapshot(self)
        self._event_dispatcher.refreshed()

    def tick(self, now: float) -> None:
        """Once a second."""
        if self.state == "stopped":
            self.moving = False
            return
        self.announces.tick(now)
        self.peerlist.need(now, needed=bool(self.picker.missing))
        received, sent = self.peers.downloaded - self._downloaded_before, self.peers.uploaded - self._uploaded_before
        self.moving = received > 0
        if not (received or sent) and self._idle():
            return
        self.peers.tick(now)
        if received:
            self.download_rate.add(received, now)
            self._downloaded_before += received
        if sent:
            self.upload_rate.add(sent, now)
            self._uploaded_before += sent
        self.choking.choose()
        self.refresh()
        if received or sent:
            status = self.status
            self.publish(
                events.Progressed,
                downloaded=status.downloaded,
                uploaded=status.uploaded,
                left=status.left,
                download_rate=status.download_rate,
                upload_rate=status.upload_rate,
            )

    def _idle(self) -> bool:
        """Is there nothing whose figures could change?  Of a thousand torrents most are so most of the time."""
        status = self.status
        busy = len(self.peers) or self.picker.missing or self.checking or status.connected or status.connecting
        return not busy and not status.download_rate and not status.upload_rate
