"""What the engine gets from outside: a network with its clock, a disk, and look-ups.

The real ones are ``net.loop.Loop``, ``disk.disk.Disk`` and ``net.lookups.Lookups``; a test gives simulated ones, and
the same engine then runs in virtual time.  One rule holds for every call here: it is made on the network thread, it
returns at once, and its answer comes later, on the network thread, by calling what was passed as ``deliver`` (never
from inside the call itself, so that no caller meets its own answer half-way).
"""

from __future__ import annotations

from typing import Any, Callable, Collection, List, NamedTuple, Optional, Protocol, Sequence, Tuple, Union

from ..disk.allocation import SPARSE
from ..disk.results import Checked as Checked
from ..disk.results import CheckedFiles as CheckedFiles
from ..disk.results import Done as Done
from ..disk.results import Loaded as Loaded
from ..disk.results import Moved as Moved
from ..disk.results import Prepared as Prepared
from ..disk.results import Recalled as Recalled
from ..disk.results import Saved as Saved
from ..disk.results import Synced as Synced
from ..disk.resume import Names as Names
from ..disk.resume import Resume as Resume
from ..errors import BitTorrentError
from ..events import Event
from ..net.interfaces import DatagramSocket as DatagramSocket
from ..net.transport import Transport as Transport
from ..protocol.announce import AnnounceReply, AnnounceRequest
from ..protocol.tracker_reply import TrackerFailure
from ..swarm.buffer_pool import Lender as Lender

Address = Tuple[str, int]
"""``(host, port)`` of a peer; the host is a numeric IPv4 or IPv6 address without brackets or zone."""

Buffer = Union[bytes, bytearray, memoryview]


class Timer(Protocol):
    """A call that is due later."""

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
    """One connection, plain TCP today."""

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
        """A limit of ours keeps the stream from reading or sending."""

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
        """Stop reading (back-pressure); the peer feels it through TCP."""

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

    def listen(self, host: str, port: int, accept: Callable[[Stream], None]) -> Listener:
        """Bind and listen, or raise ListenError.  ``accept`` gets each connection and must set its ``handler``."""

    def throttle(self, rate: int, name: str) -> Any:
        """A new throttle of ``rate`` bytes a second for ``Stream.limit``; it has a settable ``rate`` (0: no limit).

        ``unused(now)`` tells whether less moved of late than it lets through.

        Raises SettingsError with ``name`` for a rate that is none, also when it is set.
        """


class Storage(Protocol):
    """The files of one torrent.

    A file that was met is the file to go on with.  Once it is gone (ENOENT) or another one has its name (ESTALE), every
    operation on it fails until ``check_files`` takes the files as they are.  Once another program changed it, its
    pieces are hashed again before anything of them is loaded, and are suspects of every ``sync`` until they were.
    """

    def check_files(self, deliver: Callable[[CheckedFiles], None]) -> None:
        """See which pieces may be there already, without reading any; the first step of a full hash check.

        Whatever the files are now is what later operations go on with.
        """

    def claim(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Done], None], *, writing: bool
    ) -> None:
        """Claim the files that are wanted or our ``own`` until ``close``; nothing is made.

        Fails with EBUSY and the path if another torrent, of any session or process, uses one of them, and either is
        ``writing``; of two torrents of the same content one may be.  Fails with EEXIST if a file that is wanted and not
        our own holds anything.
        """

    def prepare(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Prepared], None], *, writing: bool = True
    ) -> None:
        """Make folders and empty files of the files wanted, so that a folder that cannot be written shows at once.

        Claims the files first, for ``writing`` or not, and fails as ``claim`` does with EBUSY.

        Before the first ``save``, and again whenever the files wanted change.  Bytes of a file that is not wanted and
        not there, or not our ``own``, go to the part file; what the part file has of a file wanted now moves to its
        place.  A file of our own that is not wanted any more keeps what it has, and gets what belongs to it.
        """

    def save(
        self,
        pieces: Sequence[Tuple[int, memoryview]],
        deliver: Callable[[Saved], None],
        *,
        compared: Collection[int] = (),
    ) -> None:
        """Hash each piece, given whole, and write those that pass; one job, one answer for all.

        Bad data is never written.  The answer has the fingerprints of what is wrong, and of those ``compared``.
        """

    def fingerprint(self, index: int, deliver: Callable[[bytes], None]) -> None:
        """That of a piece as it is on disk (``metainfo.fingerprint``), empty if it cannot be read."""

    def write(self, blocks: Sequence[Tuple[int, int, Buffer]], deliver: Callable[[Done], None]) -> None:
        """Write ``(index, begin, data)`` of pieces that are not whole yet, unhashed: at a stop, or too large to keep.

        Only for pieces that no bit claims; ``check`` tells when one is right.
        """

    def load(self, spans: Sequence[Tuple[int, int, int]], deliver: Callable[[List[Loaded]], None]) -> None:
        """Read parts of pieces in one job, each an ``(index, begin, length)`` that may span many blocks.

        There is one answer for each, in the same order.
        """

    def check(self, indexes: Sequence[int], deliver: Callable[[Checked], None]) -> None:
        """Read and hash these pieces in one job; the caller chooses how many (about 16 MiB is a good job)."""

    def sync(self, deliver: Callable[[Synced], None]) -> None:
        """Make durable what was saved and answered before this call, and see that the files are still ours.

        The pieces that may be remembered after it are those claimed when it was called, without its ``suspects``.
        """

    def remember(self, resume: Resume, deliver: Callable[[Done], None]) -> None:
        """Store resume data, whole or not at all; what was stored before is kept as a second copy."""

    def recall(self, deliver: Callable[[Recalled], None]) -> None:
        """The resume data stored last; ``disk.resume_trust.compare`` returns what of it is still true."""

    def move(self, basedir: str, deliver: Callable[[Moved], None]) -> None:
        """Move every file to another folder, with the part file, and the resume data if it is beside them.

        Every other operation waits meanwhile.  After a failure all is where it was.
        """

    def rename(self, index: int, parts: Tuple[str, ...], *, stored: bool, deliver: Callable[[Moved], None]) -> None:
        """Give a file another name below the folder, and remember that if ``stored``; other operations wait."""

    def name(self, names: Names) -> None:
        """These files were renamed by an earlier client; to be told before anything is asked about files."""

    def interrupt(self) -> None:
        """Have a move that is under way fail soon; harmless if none is."""

    def close(self, deliver: Callable[[Done], None]) -> None:
        """Close every open file, after the jobs given before."""


class Disk(Protocol):
    """Where torrents keep their files; workers behind it."""

    def open(
        self, metainfo: Any, basedir: str, *, resume_dir: Optional[str] = None, allocation: str = SPARSE
    ) -> Storage:
        """The storage of one torrent; touches no file yet.  Resume data is beside the data, or in ``resume_dir``.

        With ``allocation`` ``"full"`` ``prepare`` makes files with all their room, or fails (ENOSPC).
        """


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

    def refreshed(self) -> None:
        """The status has changed."""


class Lookups(Protocol):
    """Name resolution and HTTP, in threads that may hang without hurting anyone."""

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
        """GET; ``timeout`` covers everything.

        A URL that is not ``trusted`` is asked of private addresses only if its path is that of a tracker.  With a
        ``family``, 4 or 6, it is asked over that alone (``net.resolver.FamilyUnavailable`` if that cannot be), and from
        the address ``source`` if that is not empty.
        """

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Resolved], None]) -> None:
        """Numeric addresses of a host."""


class Endpoint(NamedTuple):
    """A local address from which trackers are asked."""

    family: int
    """Address family: 4, 6, or 0 for any."""
    source: str
    """Numeric local address; empty for any of the family."""


TrackerAnswer = Union[AnnounceReply, TrackerFailure]
"""The end of an announce."""


class TrackerClient(Protocol):
    """Announces to the trackers of a URL scheme (``engine.tracker_clients`` has the table)."""

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
