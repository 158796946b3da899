"""What happened, as values: frozen, named by a past-tense fact, each with ``infohash`` (20 bytes) and ``time``.

``time`` is seconds since the epoch, for display.  Everything events tell, ``status()`` tells too, so a lost event
never loses state.  ``frequent`` classes may be dropped or coalesced when nobody takes them (``EventsDropped`` says so);
the others always arrive, and the last event of a client is always ``Closed``.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Tuple


@dataclasses.dataclass(frozen=True)
class Event:
    """Base of all events."""

    infohash: bytes
    time: float
    frequent: ClassVar[bool] = False
    coalescing: ClassVar[bool] = False
    """Only the newest of a run matters."""


@dataclasses.dataclass(frozen=True)
class StateChanged(Event):
    """``start``, ``pause`` or ``stop`` took effect."""

    state: str
    previous: str


@dataclasses.dataclass(frozen=True)
class Listening(Event):
    """The session accepts connections on ``port`` (not the one asked for when that was taken)."""

    port: int


@dataclasses.dataclass(frozen=True)
class ListenFailed(Event):
    """No port could be bound: peers can be dialled, but none can dial us."""

    reason: str


@dataclasses.dataclass(frozen=True)
class PiecePassed(Event):
    """A piece was hashed and is right: received and written, or found by a hash check."""

    frequent: ClassVar[bool] = True
    index: int


@dataclasses.dataclass(frozen=True)
class PieceFailed(Event):
    """A piece was hashed and is wrong; ``peers`` are the addresses that sent it, empty for a hash check."""

    frequent: ClassVar[bool] = True
    index: int
    peers: Tuple[Tuple[str, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class FileCompleted(Event):
    """Every piece of a file is there, and the file is under its path."""

    index: int
    path: str


@dataclasses.dataclass(frozen=True)
class Completed(Event):
    """Everything wanted is there."""


@dataclasses.dataclass(frozen=True)
class Progressed(Event):
    """Figures of a second in which data moved; bytes and bytes a second."""

    frequent: ClassVar[bool] = True
    coalescing: ClassVar[bool] = True
    downloaded: int
    uploaded: int
    left: int
    download_rate: float
    upload_rate: float


@dataclasses.dataclass(frozen=True)
class HashcheckProgressed(Event):
    """A hash check went on: pieces done of pieces asked for."""

    frequent: ClassVar[bool] = True
    coalescing: ClassVar[bool] = True
    done: int
    total: int


@dataclasses.dataclass(frozen=True)
class HashcheckFinished(Event):
    """A hash check ended; counts of pieces."""

    passed: int
    failed: int
    cancelled: bool = False


@dataclasses.dataclass(frozen=True)
class PeerConnected(Event):
    """A peer finished its handshake; ``client`` is what it calls itself."""

    frequent: ClassVar[bool] = True
    address: Tuple[str, int]
    client: str
    incoming: bool


@dataclasses.dataclass(frozen=True)
class ConnectionsLimited(Event):
    """The system is out of descriptors or buffers: the session keeps to ``limit`` connections from now on."""

    limit: int
    reason: str


@dataclasses.dataclass(frozen=True)
class PeerUnknown(Event):
    """The name of a peer that the user gave leads to no address."""

    reason: str


@dataclasses.dataclass(frozen=True)
class PeerClosed(Event):
    """A connection ended, and why."""

    frequent: ClassVar[bool] = True
    address: Tuple[str, int]
    reason: str


@dataclasses.dataclass(frozen=True)
class PeerBanned(Event):
    """A peer is refused from now on, and why."""

    address: Tuple[str, int]
    reason: str


@dataclasses.dataclass(frozen=True)
class TrackerAnnounced(Event):
    """A tracker answered, over one address family; ``seeds`` and ``leechers`` are -1 where it did not say."""

    frequent: ClassVar[bool] = True
    url: str
    event: str
    peers: int
    seeds: int
    leechers: int
    warning: str = ""


@dataclasses.dataclass(frozen=True)
class TrackerFailed(Event):
    """A tracker did not answer, or with a failure, over every address family."""

    url: str
    event: str
    reason: str


@dataclasses.dataclass(frozen=True)
class StorageFailed(Event):
    """A file could not be used; ``errno`` is 0 where there was none, ESTALE for a file that another program changed.

    ``retry_in`` is seconds; 0 when its pieces are hashed again or just were.  While a file of the torrent cannot be
    used nothing more is asked for; resume data holds nothing up.
    """

    path: str
    errno: int
    reason: str
    retry_in: float


@dataclasses.dataclass(frozen=True)
class ResumeIgnored(Event):
    """Resume data was there and could not be used, and why: what it vouched for is hashed."""

    reasons: Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class StorageRecovered(Event):
    """The files can be used again."""


@dataclasses.dataclass(frozen=True)
class CallbackFailed(Event):
    """A callback of the user raised; ``callback`` is its name, ``error`` the traceback's last line."""

    callback: str
    error: str


@dataclasses.dataclass(frozen=True)
class InternalFailed(Event):
    """The library itself failed, and what it was at is given up; ``count`` is how often the session did so far.

    It is a bug, of the library or of how it was installed; the log has the traceback.
    """

    frequent: ClassVar[bool] = True
    coalescing: ClassVar[bool] = True
    reason: str
    count: int


@dataclasses.dataclass(frozen=True)
class EventsDropped(Event):
    """The queue was full: so many events of these classes were not put into it."""

    count: int
    kinds: Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Closed(Event):
    """The last event of a client; ``reason`` is empty unless the session failed, or could not store what is there."""

    reason: str = ""
