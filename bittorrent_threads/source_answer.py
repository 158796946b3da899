"""What each source of peers answered: trackers, the DHT, local discovery, peer exchange, and addresses that are given.

The rows are made from a ``Status`` by the thread that reads it.
"""

from __future__ import annotations

import dataclasses
from typing import List, Tuple

from .amounts import count_text
from .status import DhtSearchStatus, Status, TrackerStatus

_STATES = {"announcing": "being asked", "unused": "not asked yet", "refused": "not asked any more"}


@dataclasses.dataclass(frozen=True)
class SourceAnswer:
    """What one source of peers answered."""

    source: str
    """``tracker``, ``dht``, ``lsd`` (local discovery), ``pex`` (peer exchange), ``user`` (addresses that were given),
    ``incoming`` or ``resume`` (an earlier run)."""
    answer: str
    """The answer, as a clause."""
    peers: int
    """Number of peers that it named; those of a source other than a tracker or the DHT count while they are known."""
    failed: bool
    """It could not be asked, or refused to answer."""
    url: str = ""
    """Announce URL of a tracker, with ``***`` in place of passwords and passkeys."""

    def __str__(self) -> str:
        return f"{self.url}: {self.answer}" if self.url else self.answer


def answers_of(status: Status) -> Tuple[SourceAnswer, ...]:
    """Return what each source answered, the trackers first; sources that are not used are left out."""
    return (*[tracker_answer(tracker) for tracker in status.trackers], *other_answers(status), *_addresses(status))


def tracker_answer(tracker: TrackerStatus) -> SourceAnswer:
    """Return what one tracker answered."""
    named = "named none" if tracker.peers <= 0 else f"named {count_text(tracker.peers, 'peer')}"
    answer = tracker.error or _STATES.get(tracker.state, named)
    return SourceAnswer("tracker", answer, max(0, tracker.peers), bool(tracker.error), tracker.url)


def other_answers(status: Status) -> List[SourceAnswer]:
    """Return what local discovery and the DHT answered; those that are not used are left out."""
    found = []
    local = status.local_discovery
    if local.state not in ("unused", "private"):
        known = dict(status.known_by).get("lsd", 0)
        answer = f"local discovery {f'found {known}' if known else 'found none'}"
        if local.error:
            answer = f"local discovery failed ({local.error})"
        elif local.state == "waiting" and not known:
            answer = "local discovery has not begun"
        found.append(SourceAnswer("lsd", answer, known, bool(local.error)))
    if status.dht.state not in ("unused", "private"):
        failed = status.dht.searched and not status.dht.replies
        found.append(SourceAnswer("dht", _dht_answer(status.dht), status.dht.peers, failed))
    return found


def _dht_answer(dht: DhtSearchStatus) -> str:
    if not dht.searched:
        hindrance = f"; {dht.error}" if dht.error and not dht.nodes else ""
        return f"the DHT is being asked ({count_text(dht.nodes, 'known node')}{hindrance})"
    if not dht.replies:
        return "no node of the DHT answered" + (f" ({dht.error})" if dht.error else "")
    named = count_text(dht.peers, "peer") if dht.peers else "none"
    return f"the DHT named {named} ({count_text(dht.replies, 'node')} answered)"


def _addresses(status: Status) -> List[SourceAnswer]:
    """The sources that give addresses without being asked."""
    known = dict(status.known_by)
    answers = {
        "pex": "peer exchange told {}",
        "user": "the program gave {}",
        "incoming": "{} connected by themselves",
        "resume": "an earlier run knew {}",
    }
    found = []
    for source, answer in answers.items():
        if known.get(source):
            text = answer.format(count_text(known[source], "peer"))
            found.append(SourceAnswer(source, text, known[source], False))
    return found
