"""Snapshots of a torrent: immutable, made on the network thread, read anywhere without waiting."""

from __future__ import annotations

import dataclasses
from typing import Tuple


@dataclasses.dataclass(frozen=True)
class PeerStatus:
    """One connection; sizes are payload bytes, rates bytes a second."""

    address: Tuple[str, int]
    peerid: bytes
    client: str
    incoming: bool
    pieces: int
    """Pieces the peer has."""
    seed: bool
    downloaded: int
    uploaded: int
    download_rate: float
    upload_rate: float
    interested: bool
    """We want something the peer has."""
    choked: bool
    """The peer does not let us ask."""
    remote_interested: bool
    remote_choked: bool
    """We do not let the peer ask."""
    snubbed: bool
    requests: int
    """Blocks we asked for and wait for."""
    remote_requests: int
    """Blocks the peer asked for and waits for."""


@dataclasses.dataclass(frozen=True)
class TrackerStatus:
    """One tracker; times are monotonic seconds from now, -1 where there is none."""

    url: str
    tier: int
    state: str
    """``unused`` (not asked in this run), ``announcing``, ``working``, ``failing`` or ``refused`` (not asked again)."""
    working: bool
    error: str
    warning: str
    next_announce: float
    seeds: int
    leechers: int


@dataclasses.dataclass(frozen=True)
class Status:
    """All that is known of a torrent at one moment; sizes are bytes, rates bytes a second."""

    infohash: bytes
    name: str
    size: int
    piece_length: int
    piece_count: int
    state: str
    """``active``, ``paused`` or ``stopped``."""
    bitfield: bytes
    """Pieces we have, packed as on the wire."""
    wanted: bytes
    """Pieces with a priority above 0, packed likewise."""
    pieces_have: int
    left: int
    """Bytes of wanted pieces that are missing."""
    downloaded: int
    """Payload bytes received, whatever came of them."""
    uploaded: int
    """Payload bytes given to the system."""
    wasted: int
    """Payload bytes received for nothing: late, doubled, or of pieces that failed."""
    download_rate: float
    upload_rate: float
    complete: bool
    """All that is wanted is there."""
    seed: bool
    """Everything is there."""
    checking: int
    """Pieces waiting for a hash check."""
    error: str
    """What is wrong with the files; empty when nothing is."""
    connected: int
    """Peers past the handshake."""
    connecting: int
    known: int
    """Addresses known."""
    banned: int
    port: int
    stall: str
    """Why nothing moves, in a sentence; empty when data moves or all is done."""
    peers: Tuple[PeerStatus, ...] = dataclasses.field(repr=False)
    trackers: Tuple[TrackerStatus, ...] = dataclasses.field(repr=False)
    priorities: Tuple[int, ...] = dataclasses.field(repr=False)
    """One for each file."""
    faults: int = 0
    """Times that the library itself failed in this session (``InternalFailed``)."""
    closed: bool = False
    """Nothing will change any more."""

    @property
    def progress(self) -> float:
        """Share of the pieces that we have, 0 to 1."""
        return self.pieces_have / self.piece_count if self.piece_count else 1.0
