"""The status of a torrent at this moment; ``explanation`` makes the sentence of it that says why nothing moves."""

from __future__ import annotations

from typing import Any, Dict, Optional, Protocol

from ..stall import why_stalled
from ..status import LocalDiscoveryStatus, Status
from ..swarm.peer_list import PeerList, Source
from .address_filter import AddressFilter
from .announces import Announces
from .interfaces.network import Network
from .metadata import Metadata
from .payload import Payload
from .peers import Peers
from .phase import Lifecycle
from .rate_limits import RateLimits
from .torrent_dht import TorrentDht
from .transfer_rates import TransferRates


class Faults(Protocol):
    """The session, as far as the status tells of it."""

    port: int
    faults: int
    """Times that our own code failed."""
    last_fault: str
    full: bool
    """It has as many connections as it may have, as of the last tick."""
    network: Network


class Torrent(Protocol):
    """What the status tells of a torrent besides its content."""

    infohash: bytes
    name: str
    lifecycle: Lifecycle
    peers: Peers
    peerlist: PeerList
    address_filter: AddressFilter
    announces: Announces
    metadata: Metadata
    rates: TransferRates
    dht: TorrentDht
    limits: RateLimits

    @property
    def payload(self) -> Optional[Payload]:
        """The content; None before the metadata is known."""

    @property
    def connecting(self) -> int:
        """Connections that are being made."""

    @property
    def local_discovery(self) -> LocalDiscoveryStatus:
        """The search for peers in the local network, as users see it."""


def snapshot(torrent: Torrent, session: Faults, now: float) -> Status:
    """All that is known of the torrent; its peers and trackers are as of the last tick."""
    content = _no_content(torrent) if torrent.payload is None else _content(torrent.payload)
    counts, network = torrent.peerlist.counts, session.network
    status = Status(
        infohash=torrent.infohash,
        name=torrent.name,
        state=torrent.lifecycle.state,
        downloaded=torrent.peers.downloaded,
        uploaded=torrent.peers.uploaded,
        wasted=torrent.peers.wasted,
        download_rate=torrent.rates.download(now),
        upload_rate=torrent.rates.upload(now),
        connected=len(torrent.peers),
        connecting=torrent.connecting,
        known=counts.known,
        banned=counts.banned,
        port=session.port,
        stall="",
        peers=torrent.peers.rows,
        trackers=torrent.announces.rows,
        faults=session.faults,
        last_fault=session.last_fault,
        refused=torrent.address_filter.refused,
        closed=torrent.lifecycle.closed,
        dht=torrent.dht.status,
        local_discovery=torrent.local_discovery,
        known_by=tuple([(_NAMES[source], count) for source, count in torrent.peerlist.by_source.items()]),
        dial_failure=torrent.peerlist.last_failure,
        crowded=session.full,
        receiving=torrent.rates.receiving,
        download_limit=_limit(network.download.rate, torrent.limits.read_throttle.rate),
        upload_limit=_limit(network.upload.rate, torrent.limits.write_throttle.rate),
        metadata=torrent.payload is not None,
        metadata_received=torrent.metadata.received,
        **content,
    )
    if status.closed or not status.complete:
        # No thread has the status yet, and ``dataclasses.replace`` would make it again with all its fields.
        object.__setattr__(status, "stall", why_stalled(status).reason)
    return status


_NAMES = {source: source.name.lower() for source in Source}


def _limit(session: int, own: int) -> int:
    return min(session, own) if session and own else session or own


def _no_content(torrent: Torrent) -> Dict[str, Any]:
    """The fields of a torrent whose metadata is not known."""
    unusable = str(torrent.metadata.unusable or "")
    return {
        **dict.fromkeys(("size", "piece_length", "piece_count", "pieces_have", "left", "checking"), 0),
        **dict.fromkeys(("bitfield", "wanted"), b""),
        **dict.fromkeys(("complete", "seed"), False),
        "error": unusable,
        "metadata_error": unusable,
        "metadata_report": torrent.metadata.report() if len(torrent.peers) else "",
        "priorities": (),
    }


def _content(payload: Payload) -> Dict[str, Any]:
    metainfo, error, exchange = payload.metainfo, payload.storage_retry.error, payload.exchange
    hindrance = next(iter(payload.hindrances), None)
    return {
        "size": metainfo.total_size,
        "piece_length": metainfo.piece_length,
        "piece_count": metainfo.piece_count,
        "bitfield": bytes(payload.have),
        "wanted": payload.picker.wanted_bytes,
        "wanted_size": payload.pieces.wanted_size,
        "pieces_have": payload.have.count,
        "left": payload.pieces.wanted_left,
        "complete": not payload.missing,
        "seed": payload.have.full,
        "available": exchange.available,
        "availability": exchange.copies,
        "checking": payload.checking,
        "hindrance": "" if hindrance is None else hindrance.value,
        "error": str(error or ""),
        "error_path": "" if error is None else error.path,
        "error_errno": 0 if error is None else error.errno,
        "priorities": payload.files.priorities,
        "super_seeding": payload.seed_mode.on,
    }
