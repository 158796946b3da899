"""When each torrent of a session is announced in the local network (BEP 14).

The rule: one announce a minute at most, each with as many torrents as fit, and each torrent every five minutes; of more
torrents than that the one that was announced longest ago comes first.
"""

from __future__ import annotations

from typing import Dict, Iterable, List

from ..protocol.local_discovery import MAX_INFOHASHES

INTERVAL = 300.0
"""Seconds between two announces of a torrent."""
LEAST_INTERVAL = 60.0
"""Seconds between any two announces of the session."""

_NEVER = float("-inf")


class LocalAnnouncer:
    """The times of the announces of one session."""

    def __init__(self) -> None:
        self._announced: Dict[bytes, float] = {}
        """When each torrent was announced last; of active ones only."""
        self._last = _NEVER

    def may_announce(self, now: float) -> bool:
        """Whether an announce may be sent; ``now`` is monotonic seconds, as everywhere here."""
        return now - self._last >= LEAST_INTERVAL

    def due(self, active: Iterable[bytes], now: float) -> List[bytes]:
        """The infohashes to announce now; none before ``may_announce``, and then none for a minute.

        Args:
            active: The infohashes of all torrents that may be announced.
            now: The time.
        """
        self._announced = {infohash: self._announced.get(infohash, _NEVER) for infohash in active}
        if not self.may_announce(now):
            return []
        waiting = [infohash for infohash, at in self._announced.items() if now - at >= INTERVAL]
        chosen = sorted(waiting, key=self._announced.__getitem__)[:MAX_INFOHASHES]
        if chosen:
            self._last = now
        return chosen

    def clear(self) -> None:
        """Take the news that no torrent is active: each is announced again when it is, not before a minute is over."""
        self._announced.clear()

    def announced(self, infohashes: Iterable[bytes], now: float) -> None:
        """Take the news that these left; without it, as the network may be down, they are due again in a minute."""
        self._announced.update(dict.fromkeys(infohashes, now))
