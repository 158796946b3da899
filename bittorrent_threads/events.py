"""Events: what happened to a torrent, as immutable values.

Each class is named by a past-tense fact.  ``Client.status()`` reports everything that events report, so a dropped event
loses no state.  Events of a ``frequent`` class may be dropped or replaced when they are not taken, and
``EventsDropped`` reports how many.  The last event of a client is always ``Closed``.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Tuple


@dataclasses.dataclass(frozen=True)
class Event:
    """Base class of all events."""

    infohash: bytes
    """Infohash of the torrent, 20 bytes."""
    time: float
    """Time of the event, in seconds since 1970."""
    frequent: ClassVar[bool] = False
    """Events of this class are dropped while half of the queue is full."""
    coalescing: ClassVar[bool] = False
    """Of consecutive events of this class only the newest is kept."""


@dataclasses.dataclass(frozen=True)
class StateChanged(Event):
    """``start``, ``pause`` or ``stop`` took effect."""

    state: str
    """The state from now on: ``active``, ``paused`` or ``stopped``."""
    previous: str
    """The state before."""


@dataclasses.dataclass(frozen=True)
class Listening(Event):
    """The session accepts connections."""

    port: int
    """Listening port; another than ``Settings.port`` if that was in use."""
    udp_port: int = 0
    """Port of the UDP socket; another than ``port`` if that was in use, 0 if no UDP socket could be opened."""


@dataclasses.dataclass(frozen=True)
class ListenFailed(Event):
    """No port could be bound; the session makes connections, and peers can make none to it."""

    reason: str
    """Why, in a sentence."""


@dataclasses.dataclass(frozen=True)
class MetadataReceived(Event):
    """The metadata of a magnet link is known: ``Client.metainfo`` has it."""

    size: int
    """Bytes of the metadata."""
    stored: bool
    """An earlier client had stored it, and no peer was asked."""


@dataclasses.dataclass(frozen=True)
class MetadataFailed(Event):
    """The metadata of a magnet link has the right hash and cannot be used; the torrent is stopped for good."""

    reason: str
    """What is wrong with it."""


@dataclasses.dataclass(frozen=True)
class PiecePassed(Event):
    """A piece has the right hash; it was received and written, or found by a hash check."""

    frequent: ClassVar[bool] = True
    index: int
    """Index of the piece."""


@dataclasses.dataclass(frozen=True)
class PieceFailed(Event):
    """A piece has a wrong hash."""

    frequent: ClassVar[bool] = True
    index: int
    """Index of the piece."""
    peers: Tuple[Tuple[str, int], ...] = ()
    """Addresses of the peers that sent it; empty for a hash check."""


@dataclasses.dataclass(frozen=True)
class FileCompleted(Event):
    """Every piece of a file is there, and the file has its final path."""

    index: int
    """Index of the file in the torrent."""
    path: str
    """Absolute path of the file."""


@dataclasses.dataclass(frozen=True)
class Completed(Event):
    """Every wanted piece is there."""


@dataclasses.dataclass(frozen=True)
class Progressed(Event):
    """Data was received or sent in the last second."""

    frequent: ClassVar[bool] = True
    coalescing: ClassVar[bool] = True
    downloaded: int
    """Payload bytes received so far."""
    uploaded: int
    """Payload bytes sent so far."""
    left: int
    """Bytes of wanted pieces that are missing."""
    download_rate: float
    """Bytes a second received in the last seconds."""
    upload_rate: float
    """Bytes a second sent in the last seconds."""


@dataclasses.dataclass(frozen=True)
class HashcheckProgressed(Event):
    """A hash check went on."""

    frequent: ClassVar[bool] = True
    coalescing: ClassVar[bool] = True
    done: int
    """Number of pieces that are checked."""
    total: int
    """Number of pieces to check."""


@dataclasses.dataclass(frozen=True)
class HashcheckFinished(Event):
    """A hash check ended."""

    passed: int
    """Number of pieces with the right hash."""
    failed: int
    """Number of pieces that are missing or wrong."""
    cancelled: bool = False
    """The check was cancelled before all pieces were checked."""


@dataclasses.dataclass(frozen=True)
class PeerConnected(Event):
    """The handshake with a peer is complete."""

    frequent: ClassVar[bool] = True
    address: Tuple[str, int]
    """Numeric address and port of the peer."""
    client: str
    """Name and version of the peer's program, as the peer gives them."""
    incoming: bool
    """The peer made the connection."""


@dataclasses.dataclass(frozen=True)
class ConnectionsLimited(Event):
    """The system has no more file descriptors or buffers; the session keeps fewer connections from now on."""

    limit: int
    """Largest number of connections from now on."""
    reason: str
    """The error of the system."""


@dataclasses.dataclass(frozen=True)
class PeerUnknown(Event):
    """The host name of a peer that the user gave could not be resolved."""

    reason: str
    """The name, and why."""


@dataclasses.dataclass(frozen=True)
class PeerClosed(Event):
    """A connection to a peer ended."""

    frequent: ClassVar[bool] = True
    address: Tuple[str, int]
    """Numeric address and port of the peer."""
    reason: str
    """Why it ended."""


@dataclasses.dataclass(frozen=True)
class PeerBanned(Event):
    """A peer is refused from now on."""

    address: Tuple[str, int]
    """Numeric address and port of the peer."""
    reason: str
    """What the peer did."""


@dataclasses.dataclass(frozen=True)
class TrackerAnnounced(Event):
    """A tracker answered an announce; there is one event for each address family (BEP 7)."""

    frequent: ClassVar[bool] = True
    url: str
    """Announce URL, with ``***`` in place of passwords and passkeys."""
    event: str
    """Event of the announce: ``started``, ``completed``, ``stopped``, or empty for a regular one."""
    peers: int
    """Number of peers in the answer."""
    seeds: int
    """Number of seeds that the tracker reported; -1 if it reported none."""
    leechers: int
    """Number of other peers that the tracker reported; -1 if it reported none."""
    warning: str = ""
    """Warning in the answer."""


@dataclasses.dataclass(frozen=True)
class DhtSearched(Event):
    """A search for peers in the DHT ended; with it the torrent was announced there (BEP 5)."""

    frequent: ClassVar[bool] = True
    peers: int
    """Number of addresses of peers that were found."""
    replies: int
    """Number of nodes that answered; 0 if the DHT cannot be reached."""


@dataclasses.dataclass(frozen=True)
class TrackerFailed(Event):
    """An announce failed over every address family, or the tracker answered with a failure."""

    url: str
    """Announce URL, with ``***`` in place of passwords and passkeys."""
    event: str
    """Event of the announce: ``started``, ``completed``, ``stopped``, or empty for a regular one."""
    reason: str
    """Why, at most 300 printable characters."""


@dataclasses.dataclass(frozen=True)
class StorageFailed(Event):
    """A file could not be used.

    While a file of the torrent cannot be used, no block is requested.  Resume data that cannot be written stops
    nothing.
    """

    path: str
    """Path of the file."""
    errno: int
    """Error number of the system; 0 if there is none, ``ESTALE`` for a file that another program changed."""
    reason: str
    """Why, in a sentence."""
    retry_in: float
    """Seconds until the next try; 0 if its pieces are hashed again or were just hashed."""


@dataclasses.dataclass(frozen=True)
class ResumeIgnored(Event):
    """Resume data was found that cannot be used; the pieces that it lists are hashed."""

    reasons: Tuple[str, ...]
    """Why, a sentence each."""


@dataclasses.dataclass(frozen=True)
class StorageRecovered(Event):
    """The files can be used again."""


@dataclasses.dataclass(frozen=True)
class CallbackFailed(Event):
    """A callback of the user raised an exception."""

    callback: str
    """Name of the callback."""
    error: str
    """Last line of the traceback; the log has all of it."""


@dataclasses.dataclass(frozen=True)
class InternalFailed(Event):
    """The library itself failed, and gave up what it was doing.

    This is a bug of the library or of its installation.  The log has the traceback.
    """

    frequent: ClassVar[bool] = True
    coalescing: ClassVar[bool] = True
    reason: str
    """The exception."""
    count: int
    """Number of such errors in the session so far."""


@dataclasses.dataclass(frozen=True)
class EventsDropped(Event):
    """Events were dropped because the queue was full."""

    count: int
    """Number of dropped events."""
    kinds: Tuple[str, ...]
    """Names of their classes."""


@dataclasses.dataclass(frozen=True)
class Closed(Event):
    """The last event of a client."""

    reason: str = ""
    """Why the session failed, or what could not be stored in the time to close; empty otherwise."""
