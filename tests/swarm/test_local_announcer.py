"""When torrents are announced in the local network: each every five minutes, and one datagram a minute."""

from __future__ import annotations

from typing import Dict, List, Set

from bittorrent_threads.protocol.local_discovery import MAX_INFOHASHES
from bittorrent_threads.swarm.local_announcer import INTERVAL, LEAST_INTERVAL, LocalAnnouncer


def announce(announcer: LocalAnnouncer, active: List[bytes], now: float) -> List[bytes]:
    """Announce what is due; returns it."""
    chosen = announcer.due(active, now)
    announcer.announced(chosen, now)
    return chosen


def torrents(count: int) -> List[bytes]:
    return [bytes([at // 256, at % 256]) * 10 for at in range(count)]


def test_a_torrent_is_announced_at_once_and_then_every_five_minutes() -> None:
    announcer = LocalAnnouncer()
    active = torrents(1)
    times = [now for now in range(1000) if announce(announcer, active, float(now))]
    assert times == [0, 300, 600, 900]


def test_all_torrents_are_announced_together() -> None:
    announcer = LocalAnnouncer()
    assert announce(announcer, torrents(8), 0.0) == torrents(8)
    assert announce(announcer, torrents(8), INTERVAL) == torrents(8)


def test_a_torrent_that_comes_later_waits_for_the_next_minute() -> None:
    announcer = LocalAnnouncer()
    announce(announcer, torrents(1), 0.0)
    assert announce(announcer, torrents(2), LEAST_INTERVAL - 1) == []
    assert not announcer.may_announce(LEAST_INTERVAL - 1)
    assert announcer.may_announce(LEAST_INTERVAL)
    assert announce(announcer, torrents(2), LEAST_INTERVAL) == torrents(2)[1:]


def test_of_a_thousand_each_has_its_turn() -> None:
    announcer = LocalAnnouncer()
    active = torrents(1000)
    last: Dict[bytes, int] = {}
    pauses: Set[int] = set()
    for now in range(0, 24 * 3600, 60):
        chosen = announce(announcer, active, float(now))
        assert len(chosen) <= MAX_INFOHASHES
        pauses |= {now - last[infohash] for infohash in chosen if infohash in last}
        last.update(dict.fromkeys(chosen, now))
    assert len(last) == 1000
    assert pauses == {1000 // MAX_INFOHASHES * int(LEAST_INTERVAL)}


def test_what_is_no_longer_active_is_forgotten() -> None:
    announcer = LocalAnnouncer()
    announce(announcer, torrents(5), 0.0)
    assert announce(announcer, [], LEAST_INTERVAL) == []
    assert announce(announcer, torrents(5), 2 * LEAST_INTERVAL) == torrents(5)


def test_what_did_not_leave_is_due_again_in_a_minute() -> None:
    announcer = LocalAnnouncer()
    active = torrents(1)
    assert [now for now in range(200) if announcer.due(active, float(now))] == [0, 60, 120, 180]
