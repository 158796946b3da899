"""The status of a torrent at this moment, and the sentence that says why nothing moves."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Protocol, Sequence

from ..status import Status, TrackerStatus
from ..swarm.peer_list import PeerList
from .address_filter import AddressFilter
from .announces import Announces
from .metadata import Metadata
from .payload import Payload
from .peers import Peers
from .phase import Hindrance, Lifecycle, Phase
from .torrent_dht import TorrentDht
from .transfer_rates import TransferRates


class Faults(Protocol):
    """The session, as far as the status tells of it."""

    port: int
    faults: int
    """Times that our own code failed."""
    last_fault: str


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

    @property
    def payload(self) -> Optional[Payload]:
        """The content; None before the metadata is known."""

    @property
    def connecting(self) -> int:
        """Connections that are being made."""

    @property
    def source_reports(self) -> List[str]:
        """What the sources of peers besides trackers say."""


def snapshot(torrent: Torrent, session: Faults, now: float) -> Status:
    """All that is known of the torrent; its peers and trackers are as of the last tick."""
    content = _no_content(torrent) if torrent.payload is None else _content(torrent.payload)
    counts = torrent.peerlist.counts
    return Status(
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
        stall=_with_fault(session, stall(torrent)),
        peers=torrent.peers.rows,
        trackers=torrent.announces.rows,
        faults=session.faults,
        refused=torrent.address_filter.refused,
        closed=torrent.lifecycle.closed,
        dht=torrent.dht.status,
        metadata=torrent.payload is not None,
        metadata_received=torrent.metadata.received,
        **content,
    )


MAX_TRACKERS_TOLD = 5
"""Trackers whose answers the reason of a stall has; ``Status.trackers`` has all."""
_ANSWERS = {"working": "named none", "announcing": "being asked", "unused": "not asked yet"}


def _no_content(torrent: Torrent) -> Dict[str, Any]:
    """The fields of a torrent whose metadata is not known."""
    return {
        **dict.fromkeys(("size", "piece_length", "piece_count", "pieces_have", "left", "checking"), 0),
        **dict.fromkeys(("bitfield", "wanted"), b""),
        **dict.fromkeys(("complete", "seed"), False),
        "error": str(torrent.metadata.unusable or ""),
        "priorities": (),
    }


def _content(payload: Payload) -> Dict[str, Any]:
    metainfo = payload.metainfo
    return {
        "size": metainfo.total_size,
        "piece_length": metainfo.piece_length,
        "piece_count": metainfo.piece_count,
        "bitfield": bytes(payload.have),
        "wanted": payload.picker.wanted_bytes,
        "pieces_have": payload.have.count,
        "left": payload.pieces.wanted_left,
        "complete": not payload.missing,
        "seed": payload.have.full,
        "checking": payload.checking,
        "error": str(payload.storage_retry.error or ""),
        "priorities": tuple(payload.files.priorities),
    }


def _with_fault(session: Faults, reason: str) -> str:
    """Why nothing moves, and that it may be the library's own fault."""
    if not reason or not session.faults:
        return reason
    return f"{reason}; the library failed {_count(session.faults, 'time')} (last: {session.last_fault})"


def stall(torrent: Torrent) -> str:
    """Why nothing is downloaded, in a sentence; empty when something is, or nothing is wanted."""
    payload, lifecycle = torrent.payload, torrent.lifecycle
    if lifecycle.phase is Phase.CLOSED:
        return "the client was closed"
    if payload is not None and not payload.missing:
        return ""
    if torrent.metadata.unusable is not None:
        return f"the metadata cannot be used: {torrent.metadata.unusable}"
    if lifecycle.state == "stopped" or (lifecycle.state == "paused" and payload is not None):
        return f"the torrent is {lifecycle.state}"
    if payload is None:
        return _waits_for_metadata(torrent)
    reason = _hindered(payload)
    if reason or torrent.rates.receiving:
        return reason
    return _stalled_by_peers(payload) if len(torrent.peers) else _without_peers(torrent)


def _hindered(payload: Payload) -> str:
    hindrance = next(iter(payload.hindrances), None)
    if hindrance in (Hindrance.DISK_PAUSE, Hindrance.DISK_FAILED):
        return f"the disk failed: {payload.storage_retry.error}"
    if hindrance is Hindrance.HASHING:
        return f"a hash check is under way, {_count(payload.checking, 'piece')} to go"
    if hindrance is None or hindrance is Hindrance.PREPARING_FILES:
        return ""  # that takes a moment, in which what keeps peers away is more to the point
    return str(hindrance.value)


def _waits_for_metadata(torrent: Torrent) -> str:
    count = len(torrent.peers)
    reason = f"{_count(count, 'connected peer')}, and {torrent.metadata.report()}" if count else _without_peers(torrent)
    return f"the metadata is missing: {reason}"


def _stalled_by_peers(payload: Payload) -> str:
    peers = list(payload.exchange)
    interesting = [peer for peer in peers if peer.interesting]
    count = _count(len(peers), "connected peer")
    if not interesting:
        return f"{count}, and none has a piece that is missing"
    choking = sum(1 for peer in interesting if peer.pipeline.choked)
    if choking == len(interesting):
        return f"{count}, and every one that has what is missing chokes us"
    snubbing = sum(1 for peer in interesting if peer.snubbed)
    if snubbing:
        return f"{count}, and {_count(snubbing, 'peer')} let our requests wait"
    return f"{count}, requests are out and nothing has come yet"


def _without_peers(torrent: Torrent) -> str:
    return _no_peers(torrent) + _refusals(torrent.address_filter)


def _no_peers(torrent: Torrent) -> str:
    """What became of the known peers, and what each source of peers answered."""
    trackers = torrent.announces.rows
    answers, failed = _answers(trackers), all(tracker.error for tracker in trackers)
    known = _known_peers(torrent)
    if not trackers:
        said = [known or "no peer is known, and the torrent names no tracker"]
    elif known:
        said = [known, f"{'every tracker failed' if failed else 'trackers'} ({answers})"]
    else:
        said = [f"no peer is known{', and every tracker failed' if failed else ''} ({answers})"]
    return "; ".join([*said, *torrent.source_reports])


def _known_peers(torrent: Torrent) -> str:
    """What became of the known peers; empty if there are none."""
    counts, connecting = torrent.peerlist.counts, torrent.connecting
    if connecting:
        return f"{_count(connecting, 'connection')} being made, none made yet"
    if not counts.known:
        return ""
    sources = ", ".join(f"{count} {source.name.lower()}" for source, count in torrent.peerlist.by_source.items())
    failure = torrent.peerlist.last_failure
    known = f"{_count(counts.known, 'known peer')} ({sources}), none connected"
    return known + (f" (last: {failure})" if failure else "")


def _answers(trackers: Sequence[TrackerStatus]) -> str:
    """What trackers answered, those that failed first."""
    # Failures first: they are what can be done something about.
    told = sorted(trackers, key=lambda tracker: not tracker.error)[:MAX_TRACKERS_TOLD]
    said = [f"{tracker.url}: {tracker.error or _ANSWERS.get(tracker.state, tracker.state)}" for tracker in told]
    more = len(trackers) - len(told)
    if more:
        failed = sum(1 for tracker in trackers if tracker.error)
        said.append(f"and {_count(more, 'tracker')} more, of all {failed} failed")
    return ", ".join(said)


def _refusals(address_filter: AddressFilter) -> str:
    refused = address_filter.refused
    return f"; the IP filter refused addresses or connections {_count(refused, 'time')}" if refused else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
