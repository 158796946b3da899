"""What a torrent is doing, and what keeps it from finishing, as facts and as sentences.

The facts are those of ``Status``, gathered by the thread that asks.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Protocol, Tuple

from .amounts import count_text, duration_text, size_text
from .source_answer import SourceAnswer, answers_of
from .stall import count_pieces, unavailable, why_stalled
from .status import Status

MAX_PIECES_TOLD = 20
"""Indexes of pieces that no peer has in an explanation; ``Status.available`` has all."""
MAX_SOURCES_TOLD = 10
"""Sources whose answers are in the text of an explanation; ``sources`` has all."""

ADVICE = {
    "bad_metadata": "Use another magnet link, or the .torrent file.",
    "stopped": "start() goes on.",
    "paused": "start() goes on.",
    "disk": "The client tries again by itself, and goes on when the cause is gone.",
    "no_peers": "The client goes on looking.  add_peer() and add_trackers() give it more to try.",
    "no_metadata": "A peer that has the metadata must come, or the .torrent file be used.",
    "unavailable": "A peer that has these pieces must come.",
    "choked": "Peers choose again every few seconds whom to serve.",
    "snubbed": "The requests are made to other peers, if there are any that have the pieces.",
    "unwanted": "A higher priority of the files makes them wanted.",
}
"""What can be done about a cause, or what happens by itself."""


class Printer(Protocol):
    """What IPython gives to objects that show themselves."""

    def text(self, text: str) -> None:
        """Show a text."""


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What a torrent is doing, and what keeps it from finishing; ``str()`` of it is the text for people."""

    doing: str
    """``closed``, ``failed`` (the metadata cannot be used), ``stopped``, ``paused``, ``metadata`` (it is fetched from
    peers), ``checking``, ``moving`` (files), ``downloading``, ``waiting`` (it would download, and nothing comes), or
    ``seeding`` (all that is wanted is there)."""
    cause: str
    """What keeps data from coming, in a word (see :doc:`errors`); empty if data comes, or every piece is there."""
    reason: str
    """The same as a sentence without its full stop; of a torrent that is not complete it is ``Status.stall``."""
    sources: Tuple[SourceAnswer, ...]
    """What each source of peers answered."""
    connected: int
    """Number of connected peers."""
    seeds: int
    """Number of connected peers that have every piece."""
    offering: int
    """Number of connected peers that have a missing piece."""
    choking: int
    """Number of those that choke this client."""
    snubbing: int
    """Number of those that let requests wait."""
    availability: float
    """Number of copies of the torrent that the connected peers and the client have together (``Status``)."""
    unavailable: int
    """Number of wanted pieces that neither the client nor a connected peer has; 0 if no peer is connected."""
    unavailable_pieces: Tuple[int, ...]
    """Indexes of the first of them, at most 20."""
    path: str
    """Path of the file that the disk failed at; empty if it did not."""
    errno: int
    """Error number of that failure; 0 if there is none."""
    checking: int
    """Number of pieces that wait for a hash check."""
    download_limit: int
    """Most bytes a second that may be received; 0 for no limit."""
    sentences: Tuple[str, ...]
    """The text, a line each."""

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_pretty_(self, printer: Printer, cycle: bool) -> None:
        """Show the text at the end of a notebook cell."""
        printer.text(str(self))


def explain(status: Status) -> Explanation:
    """Return what a torrent is doing, and what keeps it from finishing."""
    stall = why_stalled(status)
    cause, reason = stall.cause, stall.reason
    if status.complete and not (status.seed or cause):
        cause, reason = "unwanted", "all that is wanted is there, and the rest has priority 0"
    offering = [peer for peer in status.peers if peer.interested]
    missed = unavailable(status)
    facts: Dict[str, Any] = {
        "doing": _doing(status, cause),
        "cause": cause,
        "reason": reason,
        "sources": answers_of(status),
        "connected": status.connected,
        "seeds": sum([peer.seed for peer in status.peers]),
        "offering": len(offering),
        "choking": sum([peer.choked for peer in offering]),
        "snubbing": sum([peer.snubbed for peer in offering]),
        "availability": status.availability,
        "unavailable": count_pieces(missed),
        "unavailable_pieces": _first_pieces(missed),
        "path": status.error_path,
        "errno": status.error_errno,
        "checking": status.checking,
        "download_limit": status.download_limit,
    }
    return Explanation(**facts, sentences=tuple(_sentences(status, Explanation(**facts, sentences=()))))


def _doing(status: Status, cause: str) -> str:
    if cause in ("closed", "stopped", "paused", "moving", "checking"):
        return cause
    if cause == "bad_metadata":
        return "failed"
    if not status.metadata:
        return "metadata"
    if status.checking:
        return "checking"
    if status.state != "active":
        return status.state
    if status.complete:
        return "seeding"
    return "waiting" if cause else "downloading"


def _first_pieces(packed: bytes) -> Tuple[int, ...]:
    found: List[int] = []
    for place, byte in enumerate(packed):
        if byte:
            found += [place * 8 + bit for bit in range(8) if byte & 0x80 >> bit]
            if len(found) >= MAX_PIECES_TOLD:
                break
    return tuple(found[:MAX_PIECES_TOLD])


# -- sentences -----------------------------------------------------------------------------------------------------


def _sentences(status: Status, facts: Explanation) -> List[str]:
    sentences = [f"{status.name!r} {_activity(status, facts)}."]
    if facts.reason and facts.doing not in ("closed", "stopped", "paused"):
        sentences.append(f"{_capital(facts.reason)}.")
    if facts.cause in ADVICE:
        sentences.append(ADVICE[facts.cause])
    if facts.doing in ("closed", "stopped", "failed"):
        return sentences
    sentences.append(_peers(status, facts))
    if facts.unavailable:
        sentences.append(_rare(facts))
    if status.error and facts.cause != "disk":
        sentences.append(f"The disk failed: {status.error}.")
    if status.download_limit and not status.complete:
        sentences.append(f"The download limit is {size_text(status.download_limit)}/s.")
    if not status.complete:
        told = facts.sources[:MAX_SOURCES_TOLD]
        sentences += [f"Tracker {source}." if source.url else f"{_capital(str(source))}." for source in told]
        if len(facts.sources) > len(told):
            sentences.append(f"{count_text(len(facts.sources) - len(told), 'source')} of peers more are in sources.")
    return sentences


def _activity(status: Status, facts: Explanation) -> str:
    """What the torrent is doing, behind its name."""
    amount = f"{size_text(status.wanted_size - status.left)} of {size_text(status.wanted_size)}"
    done = f"{_share(status):.1%} is there, {amount}"
    if facts.doing == "closed":
        return "is closed"
    if facts.doing == "failed":
        return "is stopped, because its metadata cannot be used"
    if facts.doing in ("stopped", "paused"):
        return f"is {facts.doing}: {done}" if status.metadata else f"is {facts.doing}, and its metadata is not known"
    if facts.doing == "metadata":
        received = f": {size_text(status.metadata_received)} of it have come" if status.metadata_received else ""
        return f"is fetching its metadata from peers{received}"
    if facts.doing == "checking":
        return "is checking its files"
    if facts.doing == "moving":
        return f"is moving its files: {done}"
    if facts.doing == "seeding":
        return f"is complete, and sends {size_text(status.upload_rate)}/s to its peers"
    if facts.doing == "waiting":
        return f"gets no data: {done}"
    left = f", {duration_text(status.left / status.download_rate)} left" if status.download_rate >= 1 else ""
    return f"is downloading at {size_text(status.download_rate)}/s: {done}{left}"


def _share(status: Status) -> float:
    return 1 - status.left / status.wanted_size if status.wanted_size else 1.0


def _peers(status: Status, facts: Explanation) -> str:
    details = [
        f"{count_text(facts.seeds, 'seed')}" if facts.seeds else "",
        f"{facts.offering} with a missing piece" if facts.offering else "",
        f"{facts.choking} of these choking" if facts.choking else "",
        f"{facts.snubbing} letting requests wait" if facts.snubbing else "",
    ]
    inside = ", ".join(filter(None, details))
    connected = f"{count_text(facts.connected, 'peer')} connected" + (f" ({inside})" if inside else "")
    parts = [connected, f"{status.connecting} being connected" if status.connecting else "", f"{status.known} known"]
    return _capital(", ".join(filter(None, parts))) + "."


def _rare(facts: Explanation) -> str:
    told = ", ".join(map(str, facts.unavailable_pieces))
    more = ", ..." if facts.unavailable > len(facts.unavailable_pieces) else ""
    which = "piece" if facts.unavailable == 1 else "pieces"
    return f"No connected peer has the missing {which} {told}{more}: there are {facts.availability:.2f} copies."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
