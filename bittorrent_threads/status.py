"""Snapshots of a torrent: immutable, made on the network thread, read from any thread without waiting."""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Tuple, Union

from .amounts import size_text
from .plain_data import json_object
from .shown import Shown

Row = Dict[str, Union[str, int, float]]
"""A flat record, as ``pandas.DataFrame`` takes a list of them."""


@dataclasses.dataclass(frozen=True)
class PeerStatus:
    """One connection to a peer, after its handshake."""

    address: Tuple[str, int]
    """Numeric address and port."""
    peerid: bytes
    """Peer id, 20 bytes (BEP 20)."""
    client: str
    """Name and version of the peer's program, as the peer gives them."""
    incoming: bool
    """The peer made the connection."""
    source: str
    """How its address became known: ``user``, ``tracker``, ``incoming`` (the peer itself), ``lsd`` (local service
    discovery), ``resume`` (an earlier run), ``pex`` (peer exchange) or ``dht``; of several, the first of these."""
    pieces: int
    """Number of pieces that the peer has."""
    seed: bool
    """The peer has every piece."""
    downloaded: int
    """Payload bytes received from the peer."""
    uploaded: int
    """Payload bytes sent to the peer."""
    download_rate: float
    """Bytes a second received in the last seconds."""
    upload_rate: float
    """Bytes a second sent in the last seconds."""
    interested: bool
    """This client wants a piece that the peer has."""
    choked: bool
    """The peer accepts no requests of this client."""
    remote_interested: bool
    """The peer wants a piece that this client has."""
    remote_choked: bool
    """This client accepts no requests of the peer."""
    upload_only: bool
    """The peer says that it wants no piece: a seed, or a partial seed (BEP 21)."""
    snubbed: bool
    """The peer has had requests for ``Settings.request_timeout`` seconds without sending a block."""
    requests: int
    """Number of blocks requested from the peer and not yet received."""
    remote_requests: int
    """Number of blocks that the peer requested and this client has not yet sent."""

    def as_row(self) -> Row:
        """Return the fields as flat plain data: ``host`` and ``port`` in place of ``address``, ``peerid`` as digits."""
        host, port = self.address
        return {"host": host, "port": port, **_row(self, "address")}


@dataclasses.dataclass(frozen=True)
class TrackerStatus:
    """One tracker of a torrent."""

    url: str
    """Announce URL, with ``***`` in place of passwords and passkeys."""
    tier: int
    """Index of its tier, from 0 (BEP 12)."""
    state: str
    """``unused`` (not asked since the start), ``announcing``, ``working``, ``failing``, or ``refused`` (not asked again
    before the next start)."""
    working: bool
    """The last announce was answered."""
    error: str
    """Why the last announce failed; empty if it did not."""
    warning: str
    """Warning in the last answer; empty if there was none."""
    next_announce: float
    """Seconds until the next announce; -1 if there will be none."""
    seeds: int
    """Number of seeds that the tracker reported; -1 if it reported none."""
    leechers: int
    """Number of other peers that the tracker reported; -1 if it reported none."""
    downloads: int = -1
    """Number of completed downloads that the tracker reported; -1 if it reported none."""
    peers: int = -1
    """Number of peers that its last answer since the start named; -1 before the first."""

    def as_row(self) -> Row:
        """Return the fields as flat plain data."""
        return _row(self)


@dataclasses.dataclass(frozen=True)
class ScrapeResult:
    """What one tracker says about the size of the swarm (BEP 48)."""

    url: str
    """Announce URL, with ``***`` in place of passwords and passkeys."""
    error: str = ""
    """Why the tracker could not be asked, or does not know the torrent; empty if it answered."""
    seeds: int = -1
    """Number of seeds; -1 if it is not known."""
    leechers: int = -1
    """Number of other peers; -1 if it is not known."""
    downloads: int = -1
    """Number of completed downloads; -1 if it is not known."""


@dataclasses.dataclass(frozen=True)
class DhtFamilyStatus:
    """The DHT node of a session in one address family (BEP 32)."""

    family: int
    """4 or 6."""
    node_id: bytes
    """Id of the node, 20 bytes."""
    port: int
    """UDP port of the node; 0 if it is not open."""
    nodes: int
    """Number of known nodes that are not bad."""
    good_nodes: int
    """Number of those that have answered in the last 15 minutes."""
    joined: bool
    """The node has found its neighbours."""


@dataclasses.dataclass(frozen=True)
class DhtStatus:
    """The DHT node of a session (BEP 5) at one moment; numbers count from its last start."""

    running: bool = False
    """The node is on the network: a torrent that may use it is started, or the program has called it."""
    read_only: bool = False
    """The node asks, and does not answer (BEP 43)."""
    error: str = ""
    """What keeps the node from the network, in a sentence; empty if nothing is known to."""
    families: Tuple[DhtFamilyStatus, ...] = ()
    """The node in each address family."""
    queries_sent: int = 0
    """Number of queries sent to other nodes."""
    replies_received: int = 0
    """Number of those that were answered."""
    timeouts: int = 0
    """Number of those that were not answered in time."""
    queries_received: int = 0
    """Number of queries of other nodes."""
    answers_sent: int = 0
    """Number of those that were answered."""
    malformed: int = 0
    """Number of datagrams that were no message of the DHT."""
    unexpected: int = 0
    """Number of answers that belong to no query, because they came late or are forged."""
    floods: int = 0
    """Number of datagrams that were ignored because their host had sent too many."""
    blocked_hosts: int = 0
    """Number of hosts that are ignored for that at the moment; each for five minutes."""
    datagrams_received: int = 0
    """Number of datagrams received."""
    bytes_sent: int = 0
    """Bytes of all datagrams sent."""
    bytes_received: int = 0
    """Bytes of all datagrams received."""
    searches: int = 0
    """Number of searches for peers that are under way or wait."""
    stored_torrents: int = 0
    """Number of torrents that others have announced to this node."""
    stored_peers: int = 0
    """Number of peers of these."""

    @property
    def nodes(self) -> int:
        """Number of known nodes that are not bad, of both families."""
        return sum([each.nodes for each in self.families])

    @property
    def good_nodes(self) -> int:
        """Number of nodes that have answered in the last 15 minutes, of both families."""
        return sum([each.good_nodes for each in self.families])


@dataclasses.dataclass(frozen=True)
class DhtSearchStatus:
    """The search for peers of one torrent in the DHT (BEP 5)."""

    state: str = "unused"
    """``unused`` (the torrent is stopped, or ``Settings.dht`` is false), ``private`` (it must not use the DHT, BEP 27),
    ``searching``, ``working`` (nodes answered last time), or ``failing`` (no node answered)."""
    peers: int = 0
    """Number of peers that the last search found."""
    replies: int = 0
    """Number of nodes that answered in the last search."""
    next_search: float = -1.0
    """Seconds until the next search; -1 if it is not known."""
    searched: bool = False
    """A search has ended since the start."""
    nodes: int = 0
    """Number of nodes that the node of the session knows and that are not bad."""
    error: str = ""
    """What keeps the node of the session from the network, in a sentence; empty if nothing is known to."""


@dataclasses.dataclass(frozen=True)
class LocalDiscoveryStatus:
    """The search for peers of one torrent in the local network (BEP 14)."""

    state: str = "unused"
    """``unused`` (the torrent is stopped, or ``Settings.local_discovery`` is false), ``private`` (it must not be
    announced, BEP 27), ``waiting`` (for the first announce), ``working`` or ``failing``."""
    error: str = ""
    """Why no announce could be sent; empty if it could."""


@dataclasses.dataclass(frozen=True, repr=False)
class Status(Shown):
    """The condition of a torrent at one moment."""

    _card = "status_card"

    infohash: bytes
    """SHA-1 hash that identifies the torrent, 20 bytes."""
    name: str
    """Name of the torrent, made safe for file systems."""
    size: int
    """Bytes of all files."""
    piece_length: int
    """Bytes of each piece but the last."""
    piece_count: int
    """Number of pieces."""
    state: str
    """``active``, ``paused`` or ``stopped``."""
    bitfield: bytes
    """Pieces that the client has: one bit each, most significant bit first, as on the wire."""
    wanted: bytes
    """Pieces of files with a priority above 0, packed as ``bitfield``."""
    pieces_have: int
    """Number of pieces that the client has."""
    left: int
    """Bytes of wanted pieces that are missing."""
    downloaded: int
    """Payload bytes received, wasted ones included."""
    uploaded: int
    """Payload bytes sent."""
    wasted: int
    """Payload bytes received in vain: late, received twice, or of pieces that failed their hash."""
    download_rate: float
    """Bytes a second received in the last seconds."""
    upload_rate: float
    """Bytes a second sent in the last seconds."""
    complete: bool
    """Every wanted piece is there."""
    seed: bool
    """Every piece is there."""
    checking: int
    """Number of pieces that wait for a hash check; 1 while the client finds out which files exist."""
    error: str
    """What is wrong with the files, in a sentence; empty if nothing is."""
    connected: int
    """Number of peers after the handshake."""
    connecting: int
    """Number of connections before the end of the handshake."""
    known: int
    """Number of known addresses of peers."""
    banned: int
    """Number of peers that are refused because of what they sent."""
    port: int
    """Listening port; 0 before the first start."""
    stall: str
    """Why there is no progress, in a sentence; empty if data moves or the torrent is complete."""
    peers: Tuple[PeerStatus, ...]
    """The connected peers."""
    trackers: Tuple[TrackerStatus, ...]
    """The trackers, in the order in which they are asked."""
    priorities: Tuple[int, ...]
    """Priority of each file, 0 (not downloaded) to 7 (first)."""
    metadata: bool = True
    """The metadata is known; False for a magnet link before peers have sent it, and then the fields about size, pieces
    and files are 0 or empty."""
    metadata_received: int = 0
    """Bytes of the metadata that peers have sent for a magnet link."""
    faults: int = 0
    """Number of errors of the library itself in this session (``InternalFailed``)."""
    closed: bool = False
    """The client is closed: no later status differs."""
    refused: int = 0
    """Number of addresses of peers, and of incoming connections, that the IP filter of the session refused."""
    dht: DhtSearchStatus = DhtSearchStatus()
    """The search for peers in the DHT."""
    local_discovery: LocalDiscoveryStatus = LocalDiscoveryStatus()
    """The search for peers in the local network."""
    known_by: Tuple[Tuple[str, int], ...] = ()
    """Number of known addresses of peers by their source, as in ``PeerStatus.source``; sources of none are left out."""
    dial_failure: str = ""
    """Why the last connection that failed could not be made; empty if none failed."""
    crowded: bool = False
    """The session has as many connections as it may have (``Settings.max_connections``)."""
    receiving: bool = False
    """Payload came in the last second."""
    wanted_size: int = 0
    """Bytes of wanted pieces."""
    available: bytes = dataclasses.field(default=b"", repr=False)
    """Pieces that at least one connected peer has, packed as ``bitfield``, as of the last second; empty if there is no
    peer."""
    availability: float = 0.0
    """Number of copies of the torrent that the connected peers and the client have together, as of the last second:
    the whole number counts the copies of the rarest piece, and the fraction is the share of the pieces of which there
    are more.  It is 0 without peers."""
    hindrance: str = ""
    """What keeps the client from requesting pieces: ``disk paused`` (it failed, and is tried again in a while),
    ``disk failed`` (it is being tried), ``examining files``, ``hashing``, ``moving files``, ``unreadable`` (pieces that
    may be on the disk cannot be read) or ``preparing files``; empty if nothing does."""
    error_path: str = ""
    """Path of the file that ``error`` is about."""
    error_errno: int = 0
    """Error number of the system that ``error`` is about; 0 if there is none."""
    metadata_error: str = ""
    """Why the metadata that came for a magnet link cannot be used; empty if it can."""
    metadata_report: str = ""
    """What the metadata of a magnet link waits for, as a clause; empty without peers."""
    download_limit: int = 0
    """Most bytes a second received, by the limit of the client or that of its session; 0 for no limit."""
    upload_limit: int = 0
    """Most bytes a second sent, by the limit of the client or that of its session; 0 for no limit."""
    last_fault: str = ""
    """The last error of the library itself in this session; empty if there was none."""
    super_seeding: bool = False
    """The client super-seeds (BEP 16)."""

    @property
    def progress(self) -> float:
        """Share of the pieces that the client has, 0 to 1."""
        return self.pieces_have / self.piece_count if self.piece_count else float(self.metadata)

    def as_dict(self) -> Dict[str, object]:
        """Return all of the status as plain data, for json, pickle and logs.

        Returns:
            The fields by their names, and ``progress``.  Bytes are hexadecimal digits (``infohash``, ``bitfield``,
            ``wanted``), ``peers`` and ``trackers`` are the lists of :meth:`peer_rows` and :meth:`tracker_rows`, and
            ``dht`` is a dict.
        """
        rows = {"peers": self.peer_rows(), "trackers": self.tracker_rows()}
        return {**json_object(self), "progress": self.progress, **rows}

    def peer_rows(self) -> List[Row]:
        """Return a flat dict for each connected peer; ``pandas.DataFrame`` takes the list as it is.

        Returns:
            The fields of :class:`PeerStatus`, with ``host`` and ``port`` in place of ``address``, and ``peerid`` as
            hexadecimal digits.
        """
        return [peer.as_row() for peer in self.peers]

    def tracker_rows(self) -> List[Row]:
        """Return a flat dict for each tracker; ``pandas.DataFrame`` takes the list as it is.

        Returns:
            The fields of :class:`TrackerStatus`.
        """
        return [tracker.as_row() for tracker in self.trackers]

    def __repr__(self) -> str:
        rates = f"down {size_text(self.download_rate)}/s, up {size_text(self.upload_rate)}/s"
        done = f"{self.progress:.1%} of {size_text(self.size)}" if self.metadata else "without metadata"
        closed = ", closed" if self.closed else ""
        return f"<Status {self.name!r} {self.state}, {done}, {rates}, {self.connected} peers{closed}>"


def _row(record: Union[PeerStatus, TrackerStatus], *without: str) -> Row:
    # Not json_object: its values may be of any plain type, and those of a row are never nested.
    found: Row = {}
    for field in dataclasses.fields(record):
        if field.name not in without:
            value = getattr(record, field.name)
            found[field.name] = value.hex() if isinstance(value, bytes) else value
    return found
