"""The status of a torrent and of a peer at this moment, and the sentence that says why nothing moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..status import PeerStatus, Status

if TYPE_CHECKING:
    from .peer import Peer
    from .torrent import Torrent


def snapshot(torrent: Torrent) -> Status:
    """All that is known of the torrent; its peers and trackers are as of the last tick."""
    metainfo, picker, now = torrent.metainfo, torrent.picker, torrent.now()
    counts = torrent.peerlist.counts
    return Status(
        infohash=metainfo.infohash,
        name=metainfo.name,
        size=metainfo.total_size,
        piece_length=metainfo.piece_length,
        piece_count=metainfo.piece_count,
        state=torrent.state,
        bitfield=bytes(torrent.have),
        wanted=picker.wanted_bytes,
        pieces_have=torrent.have.count,
        left=torrent.piece_tracker.left,
        downloaded=torrent.peers.downloaded,
        uploaded=torrent.peers.uploaded,
        wasted=torrent.peers.wasted,
        download_rate=torrent.download_rate.value(now),
        upload_rate=torrent.upload_rate.value(now),
        complete=not picker.missing,
        seed=torrent.have.full,
        checking=torrent.checking,
        error=str(torrent.storage_retry.error or ""),
        connected=len(torrent.peers),
        connecting=torrent.engine.connecting(torrent),
        known=counts.known,
        banned=counts.banned,
        port=torrent.engine.port,
        stall=_with_fault(torrent, stall(torrent)),
        peers=torrent.peers.rows,
        trackers=torrent.announces.rows,
        priorities=tuple(torrent.files.priorities),
        faults=torrent.engine.faults,
        closed=torrent.closed,
    )


def peer_status(peer: Peer) -> PeerStatus:
    """One peer, as the user sees it."""
    pipeline = peer.pipeline
    return PeerStatus(
        address=peer.address,
        peerid=peer.peerid,
        client=peer.client,
        incoming=peer.incoming,
        pieces=peer.bits.count,
        seed=peer.bits.full,
        downloaded=pipeline.payload,
        uploaded=peer.serving.uploaded,
        download_rate=peer.download_rate,
        upload_rate=peer.upload_rate,
        interested=peer.interesting,
        choked=pipeline.choked,
        remote_interested=peer.interested,
        remote_choked=peer.choked,
        snubbed=pipeline.snubbed,
        requests=len(pipeline.outstanding),
        remote_requests=len(peer.serving),
    )


def _with_fault(torrent: Torrent, reason: str) -> str:
    """Why nothing moves, and that it may be the library's own fault."""
    engine = torrent.engine
    if not reason or not engine.faults:
        return reason
    return f"{reason}; the library failed {_count(engine.faults, 'time')} (last: {engine.last_fault})"


def stall(torrent: Torrent) -> str:
    """Why nothing is downloaded, in a sentence; empty when something is, or nothing is wanted."""
    if torrent.closed:
        return "the client was closed"
    if not torrent.picker.missing:
        return ""
    if torrent.state != "active":
        return f"the torrent is {torrent.state}"
    if torrent.storage_retry.error is not None:
        return f"the disk failed: {torrent.storage_retry.error}"
    if torrent.checking:
        if torrent.file_check.under_way:
            return "it is being looked up what is on the disk"
        return f"a hash check is under way, {_count(torrent.checking, 'piece')} to go"
    if torrent.move_storage.under_way:
        return "the files are being moved"
    if torrent.moving:
        return ""
    if len(torrent.peers):
        return _stalled_by_peers(torrent)
    return _no_peers(torrent)


def _stalled_by_peers(torrent: Torrent) -> str:
    peers = list(torrent.peers)
    interesting = [peer for peer in peers if peer.interesting]
    count = _count(len(peers), "connected peer")
    if not interesting:
        return f"{count}, and none has a piece that is missing"
    choking = sum(1 for peer in interesting if peer.pipeline.choked)
    if choking == len(interesting):
        return f"{count}, and every one that has what is missing chokes us"
    snubbing = sum(1 for peer in interesting if peer.pipeline.snubbed)
    if snubbing:
        return f"{count}, and {_count(snubbing, 'peer')} let our requests wait"
    return f"{count}, requests are out and nothing has come yet"


def _no_peers(torrent: Torrent) -> str:
    counts, connecting = torrent.peerlist.counts, torrent.engine.connecting(torrent)
    trackers = torrent.announces.rows
    reasons = [f"{tracker.url}: {tracker.error}" for tracker in trackers if tracker.error]
    if connecting:
        return f"{_count(connecting, 'connection')} being made, none made yet"
    if counts.known:
        failure = torrent.peerlist.last_failure
        return f"{_count(counts.known, 'known peer')}, none connected" + (f" (last: {failure})" if failure else "")
    if not trackers:
        return "no peer is known, and the torrent names no tracker"
    if len(reasons) == len(trackers):
        return f"no peer is known, and every tracker failed ({reasons[0]})"
    states = [tracker.state for tracker in trackers if not tracker.error]
    said = [
        f"{_count(count, 'tracker')} {what}"
        for what, count in (
            ("named none", states.count("working")),
            ("being asked", states.count("announcing")),
            ("not asked yet", states.count("unused")),
        )
        if count
    ]
    if reasons:
        said.append(f"{len(reasons)} failed ({reasons[0]})")
    return f"no peer is known: {', '.join(said)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
