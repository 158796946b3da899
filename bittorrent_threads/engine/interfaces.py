"""What the engine is given: a network with its clock, a disk, look-ups, clients of trackers.

The real ones are ``net.loop.Loop``, ``disk.disk.Disk`` and ``net.lookups.Lookups``.  Tests give simulated ones, and the
same engine runs in virtual time.  The rule for every call here: it is made on the network thread and returns at once,
and its answer is delivered later, on the network thread, by calling ``deliver``; never before the call has returned, so
that no caller is called back in the middle of its own work.
"""

from __future__ import annotations

import math
from typing import Any, Callable, Collection, List, NamedTuple, Optional, Protocol, Sequence, Tuple, TypeVar, Union

from ..disk.allocation import SPARSE
from ..disk.pool import Outcome as Outcome
from ..disk.results import Checked as Checked
from ..disk.results import CheckedFiles as CheckedFiles
from ..disk.results import Done as Done
from ..disk.results import Loaded as Loaded
from ..disk.results import Moved as Moved
from ..disk.results import Prepared as Prepared
from ..disk.results import Recalled as Recalled
from ..disk.results import Saved as Saved
from ..disk.results import Stored as Stored
from ..disk.results import Synced as Synced
from ..disk.resume import Names as Names
from ..disk.resume import Resume as Resume
from ..errors import BitTorrentError
from ..events import Event
from ..metainfo.infohash import InfoHash
from ..net.interfaces import DatagramSocket as DatagramSocket
from ..net.interfaces import MulticastSocket as MulticastSocket
from ..net.transport import Transport as Transport
from ..protocol.announce import AnnounceReply, AnnounceRequest
from ..protocol.scrape import SwarmCounts
from ..protocol.tracker_reply import TrackerFailure
from ..swarm.buffer_pool import Lender as Lender

T = TypeVar("T")

Address = Tuple[str, int]
"""``(host, port)`` of a peer; the host is a numeric IPv4 or IPv6 address without brackets or zone."""

Buffer = Union[bytes, bytearray, memoryview]


class Timer(Protocol):
    """A call that will be made later."""

    def cancel(self) -> None:
        """Forget the call; harmless when it was made or cancelled already."""


class StreamHandler(Protocol):
    """The owner of one end of a connection."""

    def on_connected(self) -> None:
        """The dial succeeded (never called for an accepted stream)."""

    def on_received(self, data: memoryview) -> None:
        """Bytes came; ``data`` is valid only during the call, unless it is borrowed (``Network.receive_pool``)."""

    def on_drained(self) -> None:
        """What waits to be sent fell from above ``low_water`` to it or below."""

    def on_closed(self, reason: str) -> None:
        """The other end, the system or a time limit closed the connection (never after our own ``close``)."""


class Stream(Protocol):
    """One connection, over TCP or another transport."""

    handler: Optional[StreamHandler]
    address: Address
    """The other end."""
    incoming: bool
    low_water: int
    """Bytes; see ``StreamHandler.on_drained``."""
    read_limit: int
    """Most bytes that one read takes."""
    sent: int
    """Bytes the system took from us so far."""
    received: int
    reader: Any
    """The parser of the bytes (``net.interfaces.Reader``), or None: under a limit, a message that has begun is
    finished before others begin."""

    @property
    def held(self) -> bool:
        """Whether a rate limit keeps the stream from reading or sending."""

    @property
    def backlog(self) -> int:
        """Bytes given to ``send`` that the system has not taken yet."""

    @property
    def waiting(self) -> int:
        """Buffers that these bytes are in."""

    @property
    def blocked(self) -> bool:
        """Whether something waits because the other end does not read, and not because of a throttle."""

    def send(self, buffers: Sequence[Buffer]) -> None:
        """Queue buffers, uncopied: they must not change until sent.  They leave together at the end of the pass."""

    def pause(self) -> None:
        """Stop reading; once the buffers of the system are full, TCP stops the peer from sending."""

    def resume(self) -> None:
        """Read again."""

    def limit(self, *, read: Sequence[Any] = (), write: Sequence[Any] = ()) -> None:
        """Put the stream under these throttles (``Network.throttle``), besides those of the session, from now on."""

    def close(self) -> None:
        """Close now; what was queued is dropped.  Idempotent, and the handler hears nothing more."""


class Listener(Protocol):
    """An open listening socket."""

    port: int
    addresses: Tuple[str, ...]
    """Numeric addresses that it is bound to, ``0.0.0.0`` and ``::`` for all of a family."""

    def close(self) -> None:
        """Stop accepting."""


class Network(Protocol):
    """Sockets, clock and timers of the network thread."""

    capacity: int
    """Sockets that can be open at once."""
    download: Any
    """The throttle of all streams (``throttle``)."""
    upload: Any

    @property
    def receive_pool(self) -> Lender:
        """The memory that streams receive into."""

    def now(self) -> float:
        """Monotonic seconds; constant during one pass of the loop."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, ``delay`` seconds from now."""

    def defer(self, callback: Callable[[], None]) -> None:
        """Call once at the end of this pass, after every readable socket was read and before output leaves."""

    def skip_rest(self) -> None:
        """Do not rest after this pass, because a peer waits for what the next one does."""

    def connect(
        self, address: Address, handler: StreamHandler, timeout: float, transport: Optional[Transport[Stream]] = None
    ) -> Stream:
        """Dial over TCP or another ``transport``, and return the stream.

        The handler is told ``on_connected``, or ``on_closed`` with the reason after ``timeout`` seconds at most.
        """

    def datagram(self, family: int, host: str = "", port: int = 0) -> DatagramSocket:
        """Return the UDP socket of an address family, 4 or 6; the first call binds it, or raises ListenError."""

    def multicast(self, group: Address, receive: Callable[[bytes, Address], None], host: str = "") -> MulticastSocket:
        """Return a socket in a multicast group, or raise ListenError.

        Args:
            group: Numeric address and port of the group.
            receive: Called with each datagram from a network of this machine, and the address of its sender.
            host: A numeric address of this machine, on whose interface alone the group is joined; empty for every one.
        """

    def listen(self, host: str, port: int, accept: Callable[[Stream], None]) -> Listener:
        """Bind and listen, or raise ListenError.  ``accept`` gets each connection and must set its ``handler``."""

    def throttle(self, rate: int, name: str) -> Any:
        """Make a throttle for ``Stream.limit``.

        Args:
            rate: Bytes a second, 0 for no limit; the attribute ``rate`` of the throttle can be set later.
            name: What an error calls the rate.

        Returns:
            The throttle.  Its ``unused(now)`` tells whether less moved of late than the limit allows.

        Raises:
            SettingsError: The rate is not a number of bytes; also raised when ``rate`` is set.
        """


class Storage(Protocol):
    """The files of one torrent.

    Once a file was opened or seen, operations are for that very file.  If it is gone (ENOENT) or another file has its
    name (ESTALE), every operation on it fails until ``check_files`` accepts the files as they are.  If another program
    changed it, its pieces are hashed before they are loaded, and every ``sync`` names them as suspects until then.
    """

    def check_files(self, deliver: Callable[[CheckedFiles], None]) -> None:
        """Find out from the files alone which pieces may be there; the first step of a full hash check.

        Later operations are for the files as they are now.
        """

    def claim(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Done], None], *, writing: bool
    ) -> None:
        """Claim the files that are ``wanted`` or the torrent's ``own`` until ``close``, without making any.

        Fails with EBUSY and the path if another torrent, of any session or process, has claimed one of them and one of
        the two is ``writing``; two torrents of the same content may share files of which one writes.  Fails with EEXIST
        if a file that is wanted and not the torrent's own is not empty.
        """

    def prepare(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Prepared], None], *, writing: bool = True
    ) -> None:
        """Claim files as ``claim`` does, then make the folders and empty files of those ``wanted``.

        To be called before the first ``save``, so that a folder that cannot be written is known at once, and again when
        other files are wanted.  From then on the bytes of a file that is not wanted go to the part file, unless it is
        there and the torrent's ``own``; the bytes that the part file has of a wanted file are moved into that file.
        """

    def save(
        self,
        pieces: Sequence[Tuple[int, memoryview]],
        deliver: Callable[[Saved], None],
        *,
        compared: Collection[int] = (),
    ) -> None:
        """Hash whole pieces and write those that are right, in one job with one answer.

        Bad data is never written.  The answer has the fingerprints of what is wrong, and of those ``compared``.
        """

    def fingerprint(self, index: int, deliver: Callable[[bytes], None]) -> None:
        """Deliver the fingerprint (``metainfo.fingerprint``) of a piece on disk, empty if it cannot be read."""

    def write(self, blocks: Sequence[Tuple[int, int, Buffer]], deliver: Callable[[Done], None]) -> None:
        """Write ``(index, begin, data)`` unhashed, of pieces that are unfinished at a stop or too large for the memory.

        Only for pieces whose bit is not set; ``check`` tells when one is right.
        """

    def load(self, spans: Sequence[Tuple[int, int, int]], deliver: Callable[[List[Loaded]], None]) -> None:
        """Read parts of pieces in one job, each an ``(index, begin, length)`` that may span many blocks.

        There is one answer for each, in the same order.
        """

    def check(self, indexes: Sequence[int], deliver: Callable[[Checked], None]) -> None:
        """Read and hash these pieces in one job; the caller chooses how many (about 16 MiB is a good job)."""

    def sync(self, deliver: Callable[[Synced], None], *, older: Sequence[int] = (), patience: float = math.inf) -> None:
        """Sync what was saved and answered before this call, and see whether the files are still the same.

        Resume data may then claim the pieces whose bits were set at the call, except the ``suspects`` of the answer,
        and those ``unsynced`` only as such.

        Args:
            deliver: Gets the answer.
            older: Pieces to sync that an earlier process wrote.
            patience: Seconds from now on after which this sync, and those under way, leave what is left to the page
                cache, if that is known to outlive the process; otherwise they take as long as they need.
        """

    def remember(self, resume: Resume, deliver: Callable[[Done], None]) -> None:
        """Store resume data atomically; the resume data before it is kept as a second copy."""

    def recall(self, deliver: Callable[[Recalled], None]) -> None:
        """The resume data stored last; ``disk.resume_trust.compare`` returns what of it is still true."""

    def move(self, basedir: str, deliver: Callable[[Moved], None]) -> None:
        """Move every file to another folder, with the part file, and the resume data if it is beside them.

        Every other operation waits meanwhile.  After a failure every file is at its old place.
        """

    def rename(self, index: int, parts: Tuple[str, ...], *, stored: bool, deliver: Callable[[Moved], None]) -> None:
        """Give a file another path below the folder, and store that if ``stored``; other operations wait."""

    def name(self, names: Names) -> None:
        """Tell which files an earlier client renamed; before any other operation on files."""

    def interrupt(self) -> None:
        """Make a move that is under way fail soon; harmless if none is."""

    def close(self, deliver: Callable[[Done], None]) -> None:
        """Close every open file, after the jobs given before."""


class MetadataStore(Protocol):
    """The metadata that came for a magnet link, kept beside the resume data of the torrent."""

    def recall(self, infohashes: InfoHash, max_size: int, deliver: Callable[[Optional[bytes]], None]) -> None:
        """The bytes of the info dictionary stored last; None if there are none of this hash and at most this size."""

    def remember(self, info: bytes, deliver: Callable[[Done], None]) -> None:
        """Store them atomically."""


class Disk(Protocol):
    """The disk, with its worker threads."""

    def metadata(self, infohash: bytes, basedir: str, *, resume_dir: Optional[str] = None) -> MetadataStore:
        """The store of the metadata of one torrent; touches no file yet."""

    def compute(self, function: Callable[[], T], deliver: Callable[[Outcome[T]], None]) -> None:
        """Run a function that takes longer than a pass may, and deliver its value or what it raised."""

    def open(
        self, metainfo: Any, basedir: str, *, resume_dir: Optional[str] = None, allocation: str = SPARSE, site: str = ""
    ) -> Storage:
        """The storage of one torrent; touches no file yet.  Resume data is beside the data, or in ``resume_dir``.

        With ``allocation`` ``"full"`` ``prepare`` makes files with all their room, or fails (ENOSPC).
        Other torrents that want the same files are told ``site``, where the program made this one.
        """

    def load_state(self, path: str, deliver: Callable[[Stored], None]) -> None:
        """Read plain data of the session from a file, if there is one.  Raises SessionClosed if the disk is closed."""

    def store_state(self, path: str, state: object, deliver: Callable[[Done], None]) -> None:
        """Write plain data of the session to a file, atomically.  Raises SessionClosed if the disk is closed."""


class Fetched(NamedTuple):
    """Answer to ``Lookups.fetch``."""

    url: str
    """The URL that answered, after redirects."""
    status: int
    body: bytes
    error: Optional[BitTorrentError]
    """A TrackerError when no whole answer came: name, connection, TLS, time, size; HTTP errors come as ``status``."""
    host: str = ""
    """Numeric address that answered; empty when that is not known."""


class Resolved(NamedTuple):
    """Answer to ``Lookups.resolve``."""

    addresses: Tuple[Address, ...]
    error: Optional[BitTorrentError]


class EventDispatcher(Protocol):
    """Hands the events of one torrent to its user; never waits."""

    def publish(self, event: Event) -> None:
        """Hand out one event."""

    def publish_passed(self, infohash: bytes, time: float, indexes: Sequence[int]) -> None:
        """Hand out ``PiecePassed`` for each of these pieces."""

    def publish_files(self, infohash: bytes, time: float, files: Sequence[int], path: Callable[[int], str]) -> None:
        """Hand out ``FileCompleted`` for each of these files; ``path`` returns the path of one."""

    def refreshed(self) -> None:
        """The status has changed."""


class Lookups(Protocol):
    """Name resolution and HTTP, in threads of their own, so that one that hangs delays nothing else."""

    def fetch(
        self,
        url: str,
        timeout: float,
        max_body: int,
        deliver: Callable[[Fetched], None],
        *,
        trusted: bool = False,
        family: int = 0,
        source: str = "",
    ) -> None:
        """Send a GET request.

        Args:
            url: What to get.
            timeout: Seconds for everything, name resolution and redirects included.
            max_body: Most bytes of the body, decompressed.
            deliver: Gets the answer.
            trusted: False limits requests at private addresses to the paths of trackers.
            family: The address family, 4 or 6, 0 for any; without it the error is ``net.resolver.FamilyUnavailable``.
            source: Numeric local address; empty for any.
        """

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Resolved], None]) -> None:
        """Deliver the numeric addresses of a host."""


class Endpoint(NamedTuple):
    """A local address from which trackers are asked."""

    family: int
    """Address family: 4, 6, or 0 for any."""
    source: str
    """Numeric local address; empty for any of the family."""


TrackerAnswer = Union[AnnounceReply, TrackerFailure]
"""The end of an announce."""
ScrapeAnswer = Union[SwarmCounts, TrackerFailure]
"""The end of a scrape."""


class TrackerClient(Protocol):
    """Announces to, and scrapes, the trackers of a URL scheme (``engine.tracker_clients`` has the table)."""

    def objection(self, url: str) -> str:
        """Return why the URL cannot be announced to; empty if it can."""

    def announce(
        self,
        url: str,
        request: AnnounceRequest,
        deliver: Callable[[TrackerAnswer], None],
        *,
        endpoint: Endpoint,
        timeout: float,
        trusted: bool,
    ) -> None:
        """Announce to one tracker.

        Args:
            url: URL of the tracker, to which there is no objection.
            request: What to tell the tracker.
            deliver: Called once, within ``timeout``, with the reply or the failure.
            endpoint: Where the announce is to come from: the tracker lists the address that it sees (BEP 7).
            timeout: Seconds for everything, name resolution included.
            trusted: Whether the program gave the URL, not a .torrent; others are limited at private addresses.
        """

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        """Ask one tracker for the size of a swarm.

        Args:
            url: URL of the tracker, to which there is no objection.
            infohash: Identifies the swarm, 20 bytes.
            deliver: Called once, within ``timeout``, with the counts or the failure.
            timeout: Seconds for everything.
            trusted: As for ``announce``.
        """
