"""Why nothing is downloaded: the cause as a word for programs, and the reason as a sentence for people.

It is made from a ``Status`` alone.  The network thread makes it for each snapshot of a torrent that lacks pieces, so it
costs a look at each connected peer and at each tracker, and nothing for each piece.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

from .amounts import count_text, size_text
from .source_answer import other_answers, tracker_answer
from .status import PeerStatus, Status, TrackerStatus

MAX_TRACKERS_TOLD = 5
"""Trackers whose answers the reason of a stall has; ``Status.trackers`` has all."""
_COUNTS = bytes([bin(byte).count("1") for byte in range(256)])
SLOW_LIMIT = 32768
"""Bytes a second below which a download limit is named as the reason: a block of 16 KiB takes half a second."""

CAUSES = {
    "closed": "The client was closed.",
    "bad_metadata": "The metadata that came for a magnet link cannot be used.",
    "stopped": "The client is stopped.",
    "paused": "The client is paused.",
    "disk": "The disk failed: ``path`` and ``errno`` say where and how.",
    "checking": "The files are being looked up or hashed.",
    "moving": "The files are being moved.",
    "no_peers": "No peer is connected: ``sources`` has what each source of peers answered.",
    "connecting": "No peer is connected yet, and connections are being made.",
    "no_metadata": "No connected peer has sent the metadata of a magnet link.",
    "unavailable": "No connected peer has a piece that is missing.",
    "choked": "Every connected peer that has a missing piece chokes this client.",
    "limit": "A limit keeps it: ``download_limit``, or ``Settings.max_connections``.",
    "snubbed": "Peers let requests wait.",
    "waiting": "Requests are out, and nothing has come yet.",
    "unwanted": "All that is wanted is there, and the rest has priority 0.",
}
"""What each cause means; the manual has this table."""


class Stall(NamedTuple):
    """Why nothing is downloaded."""

    cause: str = ""
    """One of ``CAUSES``; empty if data comes, or all that is wanted is there."""
    reason: str = ""
    """A sentence without its full stop; empty if there is no cause."""


_NONE = Stall()
_HINDRANCES = {
    "examining files": Stall("checking", "it is being looked up what is on the disk"),
    "moving files": Stall("moving", "the files are being moved"),
    "unreadable": Stall("disk", "pieces that may be on the disk cannot be read"),
}


def why_stalled(status: Status) -> Stall:
    """Return why nothing is downloaded."""
    stall = _why(status)
    if stall.reason and status.faults:
        fault = f"the library failed {count_text(status.faults, 'time')} (last: {status.last_fault})"
        stall = stall._replace(reason=f"{stall.reason}; {fault}")
    return stall


def _why(status: Status) -> Stall:
    if status.closed:
        return Stall("closed", "the client was closed")
    if status.complete:
        return _NONE
    if status.metadata_error:
        return Stall("bad_metadata", f"the metadata cannot be used: {status.metadata_error}")
    if status.state == "stopped" or (status.state == "paused" and status.metadata):
        return Stall(status.state, f"the torrent is {status.state}")
    if not status.metadata:
        stall = _without_peers(status)
        if status.connected:
            count = count_text(status.connected, "connected peer")
            stall = Stall("no_metadata", f"{count}, and {status.metadata_report}")
        return stall._replace(reason=f"the metadata is missing: {stall.reason}")
    hindered = _hindered(status)
    if hindered.cause or status.receiving:
        return hindered
    return _stalled_by_peers(status) if status.connected else _without_peers(status)


def _hindered(status: Status) -> Stall:
    if status.hindrance in ("disk paused", "disk failed"):
        return Stall("disk", f"the disk failed: {status.error}")
    if status.hindrance == "hashing":
        return Stall("checking", f"a hash check is under way, {count_text(status.checking, 'piece')} to go")
    # To prepare files takes a moment, in which what keeps peers away is more to the point.
    return _HINDRANCES.get(status.hindrance, _NONE)


# -- peers ---------------------------------------------------------------------------------------------------------


def _stalled_by_peers(status: Status) -> Stall:
    count = count_text(status.connected, "connected peer")
    if not status.peers:  # the rows of the peers are made once a second
        return Stall("waiting", f"{count}, and nothing has come yet")
    offering = [peer for peer in status.peers if peer.interested]
    if not offering:
        return Stall("unavailable", f"{count}, and none has a piece that is missing")
    stall = _stalled_by(status, offering)
    missed = count_pieces(unavailable(status))
    if missed:
        beside = f"no connected peer has {missed} of the missing pieces"
        return Stall(stall.cause, f"{count}{stall.reason}; {beside}")
    return Stall(stall.cause, f"{count}{stall.reason}")


def _stalled_by(status: Status, offering: Sequence[PeerStatus]) -> Stall:
    """Why peers that have missing pieces do not send them."""
    if all([peer.choked for peer in offering]):
        return Stall("choked", ", and every one that has what is missing chokes us")
    if 0 < status.download_limit < SLOW_LIMIT:
        return Stall("limit", f", and the download limit is {size_text(status.download_limit)}/s")
    snubbing = sum([peer.snubbed for peer in offering])
    if snubbing:
        return Stall("snubbed", f", and {count_text(snubbing, 'peer')} let our requests wait")
    return Stall("waiting", ", requests are out and nothing has come yet")


# -- pieces --------------------------------------------------------------------------------------------------------


def unavailable(status: Status) -> bytes:
    """Return the wanted pieces that neither the client nor a connected peer has, packed as ``Status.bitfield``.

    It is empty if no peer is connected, or none of them has said what it has.
    """
    if not status.available:
        return b""
    there = int.from_bytes(status.bitfield, "big") | int.from_bytes(status.available, "big")
    wanted = int.from_bytes(status.wanted, "big")
    return (wanted ^ (wanted & there)).to_bytes(len(status.wanted), "big")


def count_pieces(packed: bytes) -> int:
    """Return the number of bits that are set."""
    return sum(packed.translate(_COUNTS))


# -- no peers ------------------------------------------------------------------------------------------------------


def _without_peers(status: Status) -> Stall:
    cause, said = _no_peers(status)
    refused = status.refused
    if refused:
        said += f"; the IP filter refused addresses or connections {count_text(refused, 'time')}"
    return Stall(cause, said)


def _no_peers(status: Status) -> Stall:
    """What became of the known peers, and what each source of peers answered."""
    trackers, cause = status.trackers, "no_peers"
    answers, failed = _tracker_answers(trackers), all([tracker.error for tracker in trackers])
    known = _known_peers(status)
    if status.connecting:
        cause = "connecting"
    elif known and status.crowded:
        cause, known = "limit", f"{known}; the session has as many connections as max_connections allows"
    if not trackers:
        said = [known or "no peer is known, and the torrent names no tracker"]
    elif known:
        said = [known, f"{'every tracker failed' if failed else 'trackers'} ({answers})"]
    else:
        said = [f"no peer is known{', and every tracker failed' if failed else ''} ({answers})"]
    return Stall(cause, "; ".join([*said, *[answer.answer for answer in other_answers(status)]]))


def _known_peers(status: Status) -> str:
    """What became of the known peers; empty if there are none."""
    if status.connecting:
        return f"{count_text(status.connecting, 'connection')} being made, none made yet"
    if not status.known:
        return ""
    sources = ", ".join([f"{count} {source}" for source, count in status.known_by])
    known = f"{count_text(status.known, 'known peer')} ({sources}), none connected"
    return known + (f" (last: {status.dial_failure})" if status.dial_failure else "")


def _tracker_answers(trackers: Sequence[TrackerStatus]) -> str:
    """What trackers answered, those that failed first."""
    # Failures first: they are what can be done something about.
    told = sorted(trackers, key=lambda tracker: not tracker.error)[:MAX_TRACKERS_TOLD]
    said = [str(tracker_answer(tracker)) for tracker in told]
    more = len(trackers) - len(told)
    if more:
        failed = sum([bool(tracker.error) for tracker in trackers])
        said.append(f"and {count_text(more, 'tracker')} more, of all {failed} failed")
    return ", ".join(said)
